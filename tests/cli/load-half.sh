# SPDX-License-Identifier: MIT
# A checkpoint without its position starts nothing anew; an older one without checksums continues with a word, a FIFO ends at once.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --save c.safetensors --output r.jsonl --quiet >/dev/null
python3 - <<'END'
import json, struct
with open('c.safetensors', 'rb') as file:
    (size,) = struct.unpack('<Q', file.read(8))
    header, data = json.loads(file.read(size)), file.read()
for name, gone in (('old', ()), ('half', ('epoch',))):
    told = {key: value for key, value in header['__metadata__'].items() if key not in ('tensors_sha256', 'metadata_sha256', *gone)}
    text = json.dumps({**header, '__metadata__': told}).encode()
    with open(name + '.safetensors', 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)
END
train --load old.safetensors --recipe "$small" --data-dir d --epochs 3 --output o.jsonl 2>&1 >/dev/null | grep checksums >&2
train --load half.safetensors --recipe "$small" --data-dir d --output h.jsonl --quiet >/dev/null
echo $? >&2
mkfifo fifo
train --net "$net" --load fifo --recipe "$small" --data-dir d --output f.jsonl --quiet >/dev/null
echo $? >&2
