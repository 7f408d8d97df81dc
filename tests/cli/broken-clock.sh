# SPDX-License-Identifier: MIT
# Where the clock stands still or runs backwards, from the start or from some moment on, benches neither hang nor leave rows, and a training
# run ends with its accuracy.
. "$CLI/lib.sh"
benches
clock=$(dirname "$(command -v train)")/../tests/clock.so
[ -e "$clock" ] || { echo "no clock.so in this build"; exit 77; }
tiny d
# Said and without rows, or done before the clock broke and with times that can be.
ended()
{
    local rows
    rows=$(cat b.jsonl 2>/dev/null)
    if [ "$2" = 1 ] && [ -z "$rows" ] && grep -q "clock stands still or goes back" err; then echo "$how $1: said"; return; fi
    [ "$2" = 0 ] && [ -n "$rows" ] && ! grep -qE '"us":(0[,.]0*,|-|[0-9.]+e\+|null)' <<<"$rows" && echo "$how $1: said" && return
    echo "$how $1: exit code $2, $rows"
}

with() { LD_PRELOAD=$clock FAULT_CLOCK=$1 timeout 60 "${@:2}" 2>err >out; }
for how in frozen backward frozen:300 backward:300; do
    with $how bench-kernels --quick --quiet --isa scalar --peers none --filter "pool.fwd/*plain" --output b.jsonl
    ended kernels $?
    rm -f b.jsonl*
    with $how bench-nets --quick --quiet --net scratch-cnn/mnist --output b.jsonl
    ended nets $?
    rm -f b.jsonl*
    with $how train --net "$net" --recipe "$small" --data-dir d --quiet --output r-$how.jsonl
    echo "$how train $? $(wc -l <r-$how.jsonl)"
done
with frozen bench-runtime --quick --quiet --output b.jsonl
echo "runtime $?"
with frozen compact-net --timing --data strokes --output r.jsonl --quiet
echo "timing $? $(cat err)"
