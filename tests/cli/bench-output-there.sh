# SPDX-License-Identifier: MIT
# A bench never writes over rows: not over a finished file, not over what a stopped bench left, which is said where it stopped.
. "$CLI/lib.sh"
benches
one=(--isa scalar --peers none --quiet --problem n16c4h8k4r3pad1 --filter 'conv.fwd/*')
bench-kernels "${one[@]}" --max-time 0.01 --output r.jsonl 2>/dev/null || exit
cp r.jsonl before.jsonl
bench-kernels "${one[@]}" --output r.jsonl
echo "$? $(cmp r.jsonl before.jsonl && echo untouched)"
bench-nets --isa scalar --quiet --max-time 0.01 --output n.jsonl 2>err & pid=$!
for ((i = 0; i < 300; i++)); do [ -s n.jsonl.part ] && break; sleep 0.1; done
kill -INT $pid
wait $pid
echo "$? $(grep interrupted err)"
[ "$(wc -l <n.jsonl.part)" -ge 1 ] && bench-nets --isa scalar --output n.jsonl
bench-nets --isa scalar --quiet --net vanishing-canvas/d15 --max-time 60 --output none.jsonl 2>err & pid=$!
for ((i = 0; i < 300; i++)); do [ -e none.jsonl.part ] && break; sleep 0.1; done
kill -TERM $pid
wait $pid
echo "$? $(grep interrupted err)"
ls
