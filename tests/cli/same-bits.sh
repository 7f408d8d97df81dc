# SPDX-License-Identifier: MIT
# The same weights for any number of threads, pinned or not.
. "$CLI/lib.sh"
tiny d
n=0
for how in "--threads 1" "--threads 2" "--threads 3" "--bind none"; do
    n=$((n + 1))
    train --net "$net" --recipe "$small" --data-dir d $how --output r$n.jsonl --quiet >/dev/null
done
grep -oh '"weights_sha256":"[0-9a-f]*"' r?.jsonl | sort -u | wc -l
grep -oh '"threads":[0-9]' r?.jsonl
