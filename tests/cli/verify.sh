# SPDX-License-Identifier: MIT
# Rows and checkpoints are what their writers wrote, by their own checksums and as Python computes them; one changed byte is found.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --save c.safetensors --output r.jsonl --quiet >/dev/null
verify r.jsonl c.safetensors
python3 - <<'END'
import hashlib, json, struct, zlib
with open('c.safetensors', 'rb') as file:
    (size,) = struct.unpack('<Q', file.read(8))
    told = json.loads(file.read(size))['__metadata__']
    assert told['tensors_sha256'] == hashlib.sha256(file.read()).hexdigest()
whole = told.pop('metadata_sha256')
assert whole == hashlib.sha256(json.dumps(told, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()).hexdigest()
with open('r.jsonl', 'rb') as file:
    line = file.read()
body = line[: line.rindex(b',"crc32"')]
assert json.loads(line)['crc32'] == f'{zlib.crc32(body):08x}'
END
sed -i 's/"epochs":2/"epochs":3/' r.jsonl
printf '\377' | dd of=c.safetensors bs=1 seek=4000 conv=notrunc status=none
verify r.jsonl c.safetensors nowhere.safetensors d
