# SPDX-License-Identifier: MIT
# Shards are disjoint and complete.
. "$CLI/lib.sh"
tiny d
for i in 1 2 3; do
    train --net "$net" --recipe "$small" --data-dir d --seeds 0-4 --shard $i/3 --output r$i.jsonl --quiet >/dev/null
done
SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=6 train --net "$net" --recipe "$small" --data-dir d --seeds 0-4 \
    --shard auto --output auto.jsonl --quiet >/dev/null
cat r1.jsonl r2.jsonl r3.jsonl | grep -o '"seed":[0-9]' | sort
grep -o '"seed":[0-9]' auto.jsonl | sort
