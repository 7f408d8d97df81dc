# SPDX-License-Identifier: MIT
# More images of a class than there can be are refused in words: nothing multiplies them before.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "select=perclass:214748365" --data-dir d --output r.jsonl --quiet
echo "$?"
train --net "$net" --recipe "select=perclass:2147483647" --data-dir d --output r.jsonl --quiet
