# SPDX-License-Identifier: MIT
# Two recipes under names of their own go into one file, over the same seeds, and are compared there.
. "$CLI/lib.sh"
compare=$CLI/../../bench/tools/compare
tiny d
train --name plain --net "$net" --recipe "$small" --data-dir d --seeds 0-2 --output r.jsonl --quiet >/dev/null || exit
train --name slow --net "$net" --recipe "$small lr=0.0001" --data-dir d --seeds 0-2 --output r.jsonl --quiet >/dev/null || exit
grep -o '"cell":"[a-z]*"' r.jsonl | sort | uniq -c | sed 's/^ *//'
/usr/bin/python3 -c 'import scipy' 2>/dev/null || { echo "no SciPy"; exit 77; }
$compare --by cell r.jsonl
train --name a/b --net "$net" --data-dir d
