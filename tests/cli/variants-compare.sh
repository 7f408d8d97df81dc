# SPDX-License-Identifier: MIT
# Variants of one run are compared with each other: the ratio with its interval, for each beside the one that is named.
. "$CLI/lib.sh"
benches
compare=$CLI/../../bench/tools/compare
bench-kernels --isa portable --peers none --quiet --problem n4c4h8k4r3pad1 --filter "conv.fwd/*" --max-time 0.3 --output r.jsonl \
    >/dev/null 2>&1 || exit
$compare --by variant --base portable/direct r.jsonl >out || exit
grep -oE "portable/winograd2/threads:1 / portable/direct .*\[[0-9.]+, [0-9.]+\]" out | sed "s/ | .*/: ratio and interval/"
$compare --by variant --base none r.jsonl
