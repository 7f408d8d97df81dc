# SPDX-License-Identifier: MIT
# Links planted where a program could write beside its output lead to nothing; an output that is a link is written through.
. "$CLI/lib.sh"
tiny d
echo mine >victim
planted="t.md.part t.csv.part c.safetensors.part c.safetensors.tmp t.md.0123456789abcdef.part"
for name in $planted; do ln -s victim "$name"; done
mkdir far
ln -s far/t.csv t.csv
: >far/t.csv
train --net "$net" --recipe "$small" --data-dir d --save c.safetensors --quiet --output t.md
train --net "$net" --recipe "$small" --data-dir d --quiet --output t.csv
cat victim
[ -L t.csv ] && head -c 5 far/t.csv && echo
ls far
for name in $planted; do [ -L "$name" ] || echo "$name is gone"; done
