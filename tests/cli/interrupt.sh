# SPDX-License-Identifier: MIT
# SIGINT ends the sweep cleanly with 130; finished rows stay.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0 --output r.jsonl --epochs 500 --quiet >/dev/null
train --net "$net" --recipe "$small" --data-dir d --seeds 0,1 --output r.jsonl --epochs 500 2>e & pid=$!
until_has e "epoch 2 "
kill -INT $pid
wait $pid
rc=$?
grep interrupted e >&2
exit $rc
