# SPDX-License-Identifier: MIT
# An xz file of several streams is read whole; what is no file is named for what it is.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet >/dev/null
{ head -c 1000 d/train-images-idx3-ubyte | xz; tail -c +1001 d/train-images-idx3-ubyte | xz; } >d/train-images-idx3-ubyte.xz
rm d/train-images-idx3-ubyte
train --net "$net" --recipe "$small" --data-dir d --output s.jsonl --quiet >/dev/null
cmp <(grep -o '"weights_sha256":"[^"]*"' r.jsonl) <(grep -o '"weights_sha256":"[^"]*"' s.jsonl) && echo same
mkfifo d/train-images-idx3-ubyte
train --net "$net" --recipe "$small" --data-dir d --output s.jsonl --quiet
