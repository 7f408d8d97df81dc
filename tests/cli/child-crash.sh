# SPDX-License-Identifier: MIT
# A run that dies (a crash, no memory) takes no other along; its signal is named, the exit code is 1.
. "$CLI/lib.sh"
[ -e /proc/self/task ] || { echo "no /proc to find the child by"; exit 77; }
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --output r.jsonl --epochs 500 >/dev/null 2>e & pid=$!
until_has e "epoch 2 "
kill -KILL "$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")"
wait $pid
rc=$?
grep -E "killed by|failed" e >&2
wc -l <r.jsonl
exit $rc
