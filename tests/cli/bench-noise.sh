# SPDX-License-Identifier: MIT
# One core loaded by another process: the warning says so, and how much it took. The rows are written all the same.
. "$CLI/lib.sh"
benches
(while :; do :; done) &
loader=$!
trap 'kill $loader' EXIT
bench-kernels --isa scalar --peers none --quiet --problem n16c4h8k4r3pad1 --filter "conv.fwd/*" --max-time 2 --rel-ci 0.000001 \
    --output r.jsonl 2>err || exit
grep -c "timings are disturbed: other processes used [0-9.]* cores" err
grep -c '"ok":true' r.jsonl
