# SPDX-License-Identifier: MIT
# The three benches have the exit codes of all programs: a filter that matches nothing, an absent instruction set, an unwritable output.
. "$CLI/lib.sh"
benches
case $(uname -m) in x86_64) absent=neon ;; *) absent=avx2 ;; esac
for bench in kernels nets runtime; do
    bench-$bench --quick --quiet --filter nonsense >/dev/null 2>err
    echo "$bench filter $? $(grep -c "matches --filter nonsense" err)"
    bench-$bench --quick --quiet --isa $absent >/dev/null 2>err
    echo "$bench isa $? $(grep -c "not available here" err)"
    bench-$bench --quick --quiet --output nowhere/rows.jsonl >/dev/null 2>err
    echo "$bench output $? $(grep -c "nowhere/rows.jsonl: No such file or directory" err)"
done
