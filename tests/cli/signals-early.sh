# SPDX-License-Identifier: MIT
# Told to stop while the data set is still being made or read, a program says so in one line and has the signal's exit code; nohup keeps
# SIGHUP off.
. "$CLI/lib.sh"
[ -e /proc/self/status ] || { echo "no /proc to read signal masks from"; exit 77; }
for signal in INT TERM HUP; do
    taskset -c 0 train --net "$net" --recipe "$small" --data strokes --bind none --output r.jsonl >out 2>err & pid=$!
    for ((i = 0; i < 300; i++)); do # SIGTERM is caught: the handlers are there
        caught=$(sed -n 's/^SigCgt:\t//p' /proc/$pid/status)
        (((16#${caught:-0} >> 14) & 1)) && break
        sleep 0.01
    done
    kill -$signal $pid
    wait $pid
    echo "$signal $? $(grep -v memory: err)"
done
nohup train --net "$net" --recipe "$small" --data strokes --bind none --output r.jsonl --quiet --epochs 1 >out 2>err & pid=$!
sleep 0.2
kill -HUP $pid
wait $pid
echo "nohup $? $(wc -l <r.jsonl)"
