# SPDX-License-Identifier: MIT
# Timing rows have the machine to themselves and carry its FMA peak; others have null there.
. "$CLI/lib.sh"
command -v python3 >/dev/null || { echo "no python3 to read rows with"; exit 77; }
tiny d
kernel-size --data strokes --filter kernel-size/dense --timing --threads 1 --quiet --output t.jsonl >/dev/null
train --net "$net" --recipe "$small" --data-dir d --quiet --output t.jsonl >/dev/null
python3 -c '
import json
for row in map(json.loads, open("t.jsonl")):
    peak = row["env"]["fma_peak_gflops"]
    print(row["kind"], "none" if peak is None else "some")' | sort
