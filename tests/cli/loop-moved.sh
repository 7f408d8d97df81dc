# SPDX-License-Identifier: MIT
# A ratio whose own FMA loop moved by more than 10 % is printed with its interval and marked as disturbed.
. "$CLI/lib.sh"
benches
compare=$CLI/../../bench/tools/compare
bench-kernels --isa portable --peers none --quiet --problem n16c4h8k4r3pad1 --filter "conv.fwd/*/direct" --max-time 0.05 \
    --output old.jsonl >/dev/null 2>&1 || exit
/usr/bin/python3 -c '
import json
for line in open("old.jsonl"):
    row = json.loads(line)
    row.pop("crc32")
    print(json.dumps({**row, "reference_moved": 0.2}))' >new.jsonl
$compare old.jsonl new.jsonl | grep -oE "1(\.0+)? \[[0-9., ]+\] \| disturbed" | sed 's/\[.*\]/[interval]/'
