# SPDX-License-Identifier: MIT
# Convolution and dense layers in bf16 stand beside oneDNN's bf16, whose result was compared with ours, and beside float32; rows say which
# is which.
. "$CLI/lib.sh"
benches
printf 'bf16:n16c32h6k16r3pad1\nbf16:n16c64h2w1k16r1pad0\n' >problems
tiles=$(bench-kernels --problem bf16:n16c32h6k16r3pad1 --list 2>/dev/null | sed -n 's|/tiles$||p' | sed 's|.*/||' | tail -n 1)
bench-kernels --problem @problems --peers onednn --isa "$tiles" --max-time 0.01 --quiet --output rows.jsonl >/dev/null 2>err
rc=$?
if grep -q 'oneDNN is not here' err; then echo "no oneDNN in this build"; exit 77; fi
[ $rc = 0 ] || { cat err; exit 1; }
grep -q onednn-bf16 rows.jsonl || { echo "oneDNN has no bf16 on this CPU"; exit 77; }
python3 - <<'END'
import json
rows = [json.loads(line) for line in open('rows.jsonl')]
for algo in ('tiles', 'float32', 'onednn-bf16'):
    mine = [row for row in rows if row['algo'] == algo]
    both = {(row.get('precision'), row['ok'], row.get('times_onednn') is not None) for row in mine}
    print(algo, len(mine), *both)
print(len({row['problem'] for row in rows if '/to ' in row['note']}))
END
