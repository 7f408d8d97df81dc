# SPDX-License-Identifier: MIT
# A net that does not fit the data is named with both shapes, before anything runs.
. "$CLI/lib.sh"
tiny d
train --net "3x32x32 dense10" --data-dir d
