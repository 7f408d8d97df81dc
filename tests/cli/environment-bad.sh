# SPDX-License-Identifier: MIT
# A message names the variable that is wrong.
CONVGAUGE_THREADS=0 compact-net --data strokes
