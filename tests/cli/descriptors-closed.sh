# SPDX-License-Identifier: MIT
# Closed descriptors: no message lands among the rows, a dead stderr costs messages alone, a closed stdout is an error of the table.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --output r.jsonl <&- 2>&- >table
echo "$? $(grep -vc '^{' r.jsonl) $(wc -l <r.jsonl)"
train --net "$net" --recipe "$small" --data-dir d --seeds 1 --output r.jsonl --quiet 2>e >&-
echo "$? $(grep -vc '^{' r.jsonl) $(wc -l <r.jsonl)"
cat e >&2
