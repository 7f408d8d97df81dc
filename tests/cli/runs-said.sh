# SPDX-License-Identifier: MIT
# A program that starts many runs says how many and how long before the first; what has rows is not counted.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0-5 --jobs 1 --output r.jsonl 2>err >/dev/null || exit
grep -n "to run, about" err
grep -n "^\[1/6\]" err | cut -d ' ' -f 1
train --net "$net" --recipe "$small" --data-dir d --seeds 0-7 --jobs 1 --output r.jsonl 2>err >/dev/null || exit
grep "to run, about" err
