# SPDX-License-Identifier: MIT
# Several thread counts make no accuracy rows.
compact-net --threads 1,2 --data strokes
