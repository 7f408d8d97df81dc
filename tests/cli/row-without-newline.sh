# SPDX-License-Identifier: MIT
# A last row that only lacks its newline counts, and the next one starts on a line of its own.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet >/dev/null
truncate -s -1 r.jsonl
train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet >/dev/null
wc -l <r.jsonl                          # nothing was to run, and the line has its end
truncate -s -1 r.jsonl
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --output r.jsonl --quiet >/dev/null
grep -o "\"seed\":[01]" r.jsonl
