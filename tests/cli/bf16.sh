# SPDX-License-Identifier: MIT
# A run in bf16 says so in its row, and is another run than that in float32; it resumes as what it is.
. "$CLI/lib.sh"
tiny d
net="1x28x28 max2 conv8 relu conv8 relu max2 dense10"
small="opt=adam lr=0.001 batch=20 updates=2"
# Where there is no AMX it says that vectors compute the tiles.
one()
{
    train --net "$net" --data-dir d --output r.jsonl --quiet "$@" 2>err >/dev/null
    code=$?
    grep -v 'bf16 without AMX' err >&2
    return $code
}
one --recipe "$small"
one --recipe "$small precision=bf16" --save c.safetensors
one --recipe "$small precision=bf16" --isa portable --threads 2 # the same bits: its row is there
python3 - <<'END'
import json
rows = [json.loads(line) for line in open('r.jsonl')]
for row in rows:
    print(row.get('precision'), row['recipe'].count('precision=bf16'), 'tiles' in row)
print(len({row['id'] for row in rows}), len({row['weights_sha256'] for row in rows}), len({row['numerics'] for row in rows}))
END
verify r.jsonl c.safetensors | sed 's/[0-9]* tensors/some tensors/'
train --net "$net" --recipe "$small" --data-dir d --load c.safetensors --output s.jsonl --quiet 2>&1 >/dev/null |
    grep -c "made by the recipe .*precision=bf16"
one --recipe "$small precision=bf16" --isa scalar 2>scalar.err
echo "exit $?"
sed 's/^[^:]*: //' scalar.err
one --recipe "$small" --isa amx 2>/dev/null # here or not: floats are not what it computes
echo "exit $?"
train --net "$net" --recipe "$small precision=bf16" --data-dir d --isa portable --output t.jsonl 2>&1 >/dev/null |
    grep -c "bf16 without AMX (.*): tiles are computed by portable, with the same bits and slower than float32"
