# SPDX-License-Identifier: MIT
# A full stdout is no success.
. "$CLI/lib.sh"; tiny d; train --net "$net" --recipe "$small" --data-dir d --quiet >/dev/full
