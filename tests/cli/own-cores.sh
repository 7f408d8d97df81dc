# SPDX-License-Identifier: MIT
# Runs side by side do not share a core.
. "$CLI/lib.sh"
[ -e /proc/self/status ] || { echo "no /proc to read bindings from"; exit 77; }
[ "$(nproc)" -ge 2 ] || { echo "one core only"; exit 77; }
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --jobs 2 --output r.jsonl --epochs 500 >/dev/null 2>e & pid=$!
until_has e "seed 0  epoch 2 "
until_has e "seed 1  epoch 2 "
# shellcheck disable=SC2013 # the file is one line of words
for child in $(cat "/proc/$pid/task/$pid/children"); do
    grep Cpus_allowed_list "/proc/$child/status"
done >bindings
kill -TERM $pid
wait $pid
grep -q pinned e && { echo "workers cannot be pinned here"; exit 77; }
sort -u bindings | grep -cE ':[[:space:]]*[0-9]+$'
