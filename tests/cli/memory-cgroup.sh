# SPDX-License-Identifier: MIT
# A cgroup's limit takes the data and all runs side by side. As in a container its root is all that is seen; the cgroup here is a folder
# that says what it leaves, as version 2 and, where the kernel has it, as version 1.
. "$CLI/lib.sh"
# shellcheck disable=SC2016 # of the inner shell
in_cgroup='mount -t tmpfs none /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/memory && echo "$1" >/sys/fs/cgroup/$2 && shift 2 && exec "$@"'
unshare -rmC sh -c "$in_cgroup" sh 0 memory.max true 2>/dev/null || { echo "no mount of our own to be had here"; exit 77; }
limit=memory.max v1=memory/memory.limit_in_bytes
grep -q :memory: /proc/self/cgroup || v1=$limit
big="1x28x28 conv64same relu conv64same relu dense10"
four() { unshare -rmC sh -c "$in_cgroup" sh "$@" train --net "$big" --recipe "batch=2000" --data strokes --jobs 4 --seeds 0-3; }
four 1500000000 $limit
echo "$?"
four 700000000 $v1
echo "$?"
tiny d
unshare -rmC sh -c "$in_cgroup" sh max $limit train --net "$net" --recipe "$small" --data-dir d --quiet --output r.jsonl >/dev/null
echo "$?"
ls
