# SPDX-License-Identifier: MIT
# A torn last line is reported and ignored, and the next row starts on a line of its own.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet >/dev/null
head -c 100 r.jsonl >part
cat part >>r.jsonl
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --output r.jsonl --quiet >/dev/null
wc -l <r.jsonl
tail -n 1 r.jsonl | grep -o '"seed":1'
