# SPDX-License-Identifier: MIT
# A count of threads is checked before anything else happens.
compact-net --threads 0 --data strokes
