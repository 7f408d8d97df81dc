# SPDX-License-Identifier: MIT
# Cells and arms with a line each; no data needed.
compact-net --list | grep -E "^compact-net/published( |/no dropout )" | cut -c1-34
