# SPDX-License-Identifier: MIT
# A wrong variant is named, has a row without a time, and fails the run; the right ones are timed.
. "$CLI/lib.sh"
benches
bench-kernels --quick --quiet --isa scalar --peers none --mutants --filter "conv.fwd/*" --output rows.jsonl 2>err
rc=$?
grep -c "mutant/fwd drops the last tap: WRONG, not timed: conv.fwd: y" err
grep "fwd drops the last tap" rows.jsonl | grep -c "\"ok\":false"
grep "scalar/plain" rows.jsonl | grep -c "\"us\":"
exit $rc
