# SPDX-License-Identifier: MIT
# Before the data are read the whole need for memory is said; a limit of a process has to take the data and one run, however many are side
# by side, or it is refused.
. "$CLI/lib.sh"
[ -e /proc/meminfo ] || { echo "no /proc to read the free memory from"; exit 77; }
big="1x28x28 conv64same relu conv64same relu dense10"
mixes="1x28x28 conv64same bn relu conv64same relu dense10" # the whole batch is in memory at once
tiny d
train --net "$net" --recipe "$small" --data-dir d --jobs 2 --seeds 0,1 --output r.jsonl 2>err >/dev/null
grep memory: err
(ulimit -v 1800000; train --net "$mixes" --recipe "batch=10000" --data strokes --jobs 1 --seeds 0-3 --output s.jsonl)
echo "$?"
(ulimit -v 720000; train --net "$big" --recipe "batch=2000" --data strokes --jobs 4 --seeds 0-3 --output s.jsonl)
echo "$?"
(ulimit -d 700000; train --net "$big" --recipe "batch=2000" --data strokes --jobs 4 --seeds 0-3 --output s.jsonl)
echo "$?"
few="batch=60000 select=first:16 epochs=1" # its batch is these 16
(ulimit -v 200000; train --net "$mixes" --recipe "$few" --data-dir d --jobs 8 --seeds 0-7 --quiet --output t.jsonl >/dev/null)
echo "$?"
ls
