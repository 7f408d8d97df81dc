# SPDX-License-Identifier: MIT
# The parts of a profile are those of the whole step: within 5 % of it.
. "$CLI/lib.sh"
benches
command -v python3 >/dev/null || { echo "no python3 to add them with"; exit 77; }
bench-nets --profile --net compact-net/published --max-time 0.5 --quiet --output p.jsonl 2>/dev/null
python3 -c '
import json
rows = {row["word"]: row["us"] for row in map(json.loads, open("p.jsonl"))}
ratio = rows["sum of the parts"] / rows["the same steps, whole"]
assert 0.95 < ratio < 1.05, ratio
'
