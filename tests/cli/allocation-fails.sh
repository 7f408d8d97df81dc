# SPDX-License-Identifier: MIT
# One allocation fails, anywhere from the start to the row: one line says so, exit code 1, no crash, and the same command goes on. (All of
# them, and of the other programs: tools/dev/faults.)
. "$CLI/lib.sh"
failing=$(dirname "$(command -v train)")/../tests/failing.so
[ -e "$failing" ] || { echo "no failing.so in this build: it needs glibc, and no sanitizer"; exit 77; }
tiny d 40

# Allocation $1 of all that the command makes fails; 0: none. How many there were: in count.
at()
{
    local n=$1
    shift
    head -c 8 /dev/zero >count
    LD_PRELOAD=$failing FAULT_AT=$n FAULT_FILE=count "$@" --quiet 2>err >out
}

sweep() { at "$1" train --net "$net" --recipe "$small" --data-dir d --jobs 1 --output r.jsonl --save w.safetensors; }

sweep 0
echo "$?"
all=$(od -An -tu8 count)
for ((i = 1; i <= 24; i++)); do
    rm -f r.jsonl w.safetensors
    sweep $((all * i / 25))
    echo "$?" "$(grep -c 'out of memory' err)" "$(grep -cv 'out of memory\|1 of 1 runs failed' err)"
done | sort | uniq -c
sweep 0
echo "$?" "$(wc -l <r.jsonl)"
for n in 1 2 5 9; do
    at $n merge r.jsonl --output m.jsonl
    echo "$?" "$(cat err)"
done
ls
