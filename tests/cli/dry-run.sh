# SPDX-License-Identifier: MIT
# Lists the runs and makes none.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --dry-run
ls
