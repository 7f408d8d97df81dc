# SPDX-License-Identifier: MIT
# Programs that start beside each other take different cores; one that finds none free says so and is not pinned; a killed one's core is
# free at once; a bench beside a run says so and marks its rows.
. "$CLI/lib.sh"
[ -e /proc/net/unix ] || { echo "no claims but on Linux"; exit 77; }
mapfile -t cores < <(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r a b; do seq "$a" "${b:-$a}"; done)
[ ${#cores[@]} -ge 2 ] || { echo "one core only"; exit 77; }
two="${cores[0]},${cores[1]}"
export CONVGAUGE_CLAIMS=test-$$
tiny d
start()
{
    taskset -c "$two" train --net "$net" --recipe "$small" --data-dir d --jobs 1 --epochs 900 --seeds 0-9 \
        --output "$1.jsonl" >/dev/null 2>"$1.err" &
}
bound()
{
    tr " " "\n" <"/proc/$1/task/$1/children" |
        while read -r child; do sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$child/status"; done
}
start a; first=$!
until_has a.err "epoch 1 "
start b; second=$!
until_has b.err "epoch 1 "
grep -q pinned a.err && { echo "workers cannot be pinned here"; exit 77; }
[ "$(bound $first)" != "$(bound $second)" ] && bound $first | grep -qE '^[0-9]+$' && bound $second | grep -qE '^[0-9]+$' && echo "two cores"
start c; third=$!
until_has c.err "epoch 1 "
grep -c "other runs of ours use 2 of 2 cores here: workers are not pinned" c.err
kill -TERM $third; wait $third
kill -KILL $first; wait $first 2>/dev/null
start e; fourth=$!
until_has e.err "epoch 1 "
[ "$(bound $second)" != "$(bound $fourth)" ] && bound $fourth | grep -qE '^[0-9]+$' && echo "the killed run's core is taken over"
command -v bench-runtime >/dev/null || exit 0
taskset -c "$two" bench-runtime --filter clock --quick --threads 1 --output r.jsonl 2>bench.err
grep -c "another run of ours uses 2 of the cores here" bench.err
grep -o '"pinned":[a-z]*\|"beside":[0-9]*' r.jsonl
kill -TERM $second $fourth; wait $second $fourth
taskset -c "$two" bench-runtime --filter clock --quick --threads 1,2 --output s.jsonl 2>bench.err
grep -c "another run\|there are 1 cores" bench.err
grep -o '"pinned":[a-z]*\|"beside":[0-9]*' s.jsonl
