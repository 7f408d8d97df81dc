# SPDX-License-Identifier: MIT
# A checkpoint tells its net.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --save c.safetensors --output r.jsonl --quiet >/dev/null
train --load c.safetensors --weights-only --recipe "$small" --data-dir d --output s.jsonl --quiet >/dev/null
grep -o "\"net\":\"[^\"]*\"" s.jsonl
train --load nowhere.safetensors --data-dir d
