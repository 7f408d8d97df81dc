# SPDX-License-Identifier: MIT
# Peak memory is the run's own: a small net after a big one shows the smaller value.
. "$CLI/lib.sh"
tiny d
big="1x28x28 conv64same relu conv64same relu gap dense10"
train --net "$big" --recipe "batch=200 epochs=1" --data-dir d --output big.jsonl --quiet >/dev/null
train --net "1x28x28 dense10" --recipe "batch=20 epochs=1" --data-dir d --output small.jsonl --quiet >/dev/null
peak() { grep -o '"peak_rss_bytes":[0-9]*' "$1" | cut -d: -f2; }
[ $(($(peak big.jsonl) / 4)) -gt "$(peak small.jsonl)" ] && echo "smaller"
