# SPDX-License-Identifier: MIT
# A file of rows has one writer at a time.
. "$CLI/lib.sh"
tiny d
touch r.jsonl
flock r.jsonl train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet
