# SPDX-License-Identifier: MIT
# A full disk is one line and an error.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0-5 --output /dev/full --quiet
