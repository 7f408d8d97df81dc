# SPDX-License-Identifier: MIT
# A filter that matches nothing is an error.
compact-net --filter exp9 --data strokes
