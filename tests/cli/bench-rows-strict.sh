# SPDX-License-Identifier: MIT
# Rows are strict JSON with their conditions; csv has a line per case, md a table.
. "$CLI/lib.sh"
benches
command -v python3 >/dev/null || { echo "no python3 to read them with"; exit 77; }
bench-kernels --quick --quiet --isa scalar --output r.jsonl 2>/dev/null
bench-nets --quick --quiet --isa scalar --net "1x8x8 conv2 relu dense10" --threads 1,2 --output n.jsonl 2>/dev/null
bench-kernels --quick --quiet --isa scalar --output r.csv 2>/dev/null
python3 -c '
import json
def no(word): raise SystemExit("not JSON: " + word)
for name in ("r.jsonl", "n.jsonl"):
    rows = [json.loads(line, parse_constant=no) for line in open(name)]
    assert all(row["us"] >= row["us_min"] > 0 and row["us_samples"] and row["env"]["compiler"] for row in rows)
    print(rows[0]["kind"], *sorted({row["threads"] for row in rows}))
'
head -n 1 r.csv | cut -d, -f 1-3
