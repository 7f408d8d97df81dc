# SPDX-License-Identifier: MIT
# Rows written before the disk was full are intact, and the same command goes on from them.
. "$CLI/lib.sh"
tiny d
run="train --net '$net' --recipe '$small' --data-dir d --seeds 0-5 --output r.jsonl --quiet"
(ulimit -f 5; eval "$run" >/dev/null)
echo "exit code $?"
before=$(wc -l <r.jsonl)
[ "$before" -gt 0 ] && [ "$before" -lt 6 ] && [ -z "$(tail -c 1 r.jsonl)" ] && echo "whole lines"
eval "$run" >/dev/null
wc -l <r.jsonl
