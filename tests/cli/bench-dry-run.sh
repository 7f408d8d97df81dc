# SPDX-License-Identifier: MIT
# A dry run of a bench lists its cases and how long they take, measures nothing and writes nothing.
. "$CLI/lib.sh"
benches
start=$(date +%s%N)
bench-kernels --dry-run --isa scalar --problem max:n16c4h8r2pad0 --output k.jsonl
bench-nets --dry-run --isa scalar --net compact-net/published --threads 1,2 --output n.jsonl | tail -n 1
bench-runtime --dry-run --filter fork-join --output r.jsonl
[ $(($(date +%s%N) - start)) -lt 5000000000 ] || echo "took seconds: something was measured"
ls
