# SPDX-License-Identifier: MIT
# What --net and --recipe take, from the tables that read them: the examples there are read.
. "$CLI/lib.sh"
examples() { sed -n '/^Examples:/,$s/^  //p'; }
train --help-net | examples >nets
train --help-recipe | examples >recipes
wc -l <nets
while read -r one; do train --net "$one" --summary >/dev/null || echo "no net: $one"; done <nets
while read -r one; do train --net "1x28x28 dense10" --recipe "$one" --summary >/dev/null || echo "no recipe: $one"; done <recipes
for word in conv8 max2 gap dense10 bn relu drop0.2 add3; do train --help-net | grep -q "^  $word" || echo "no word $word"; done
for key in opt lr batch epochs schedule augment select; do train --help-recipe | grep -q "^  $key " || echo "no key $key"; done
train --help | grep -c "train-images-idx3-ubyte"
