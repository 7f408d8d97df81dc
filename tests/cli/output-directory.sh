# SPDX-License-Identifier: MIT
# Rows do not go into a folder.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --output d --quiet
