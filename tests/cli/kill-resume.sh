# SPDX-License-Identifier: MIT
# After kill -9 nothing goes on running, and the same command makes what is missing.
. "$CLI/lib.sh"
[ "$(uname)" = Linux ] || { echo "runs die with their parent on Linux only"; exit 77; }
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --output r.jsonl --epochs 300 >/dev/null 2>e & pid=$!
until_has e "epoch 2 "
children=$(cat "/proc/$pid/task/$pid/children")
{ kill -9 $pid; wait $pid; } 2>/dev/null      # the shell may tell of the death at either
sleep 0.5
for child in $children; do
    grep -qsE '^State:[[:space:]]+[^ZX]' "/proc/$child/status" && echo "$child still runs"
done
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --output r.jsonl --epochs 300 --quiet >/dev/null
wc -l <r.jsonl
