# SPDX-License-Identifier: MIT
# What changes bits makes another run: an algorithm by name, the scalar reference, weights without their position.
. "$CLI/lib.sh"
tiny d
one() { train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet "$@" >/dev/null; }
one
one --algo direct
one --isa scalar
one --isa portable --threads 2 --no-fuse     # the same bits: its row is there
one --save c.safetensors
one --load c.safetensors
one --load c.safetensors --weights-only
sed "s/.*\"id\":\"\([0-9a-f]*\)\".*/\1/" r.jsonl | sort -u | wc -l
