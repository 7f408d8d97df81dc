# SPDX-License-Identifier: MIT
# A small stack: raised where that is allowed, and said where not. Threads get the larger one, too.
. "$CLI/lib.sh"
tiny d
for size in 100 200; do
    (ulimit -s $size; train --net "$net" --recipe "$small" --data-dir d --quiet --output hard.jsonl)
    echo "$?"
    (ulimit -S -s $size; train --net "$net" --recipe "$small" --data-dir d --threads 2 --bind none --quiet --output $size.jsonl >table)
    echo "$? $(wc -l <$size.jsonl)"
    (ulimit -s $size; merge $size.jsonl 2>/dev/null)
    echo "$?"
done
