# SPDX-License-Identifier: MIT
# --units counts the step as one worker and as 64 are planned, and layer by layer: more workers get more units, never fewer fork-joins.
. "$CLI/lib.sh"
benches
command -v python3 >/dev/null || { echo "no python3 to compare them with"; exit 77; }
bench-nets --units --net compact-net/published --max-time 0.05 --quiet --output u.jsonl 2>/dev/null
python3 -c '
import json
rows = [json.loads(line) for line in open("u.jsonl")]
one, many, apart = rows
assert many["variant"] == one["variant"] + "/for-64" and apart["variant"] == one["variant"] + "/no-fuse", [row["variant"] for row in rows]
assert one["regions"] < many["regions"] <= apart["regions"], [row["regions"] for row in rows]
assert one["units_median"] < many["units_median"], [row["units_median"] for row in rows]
'
