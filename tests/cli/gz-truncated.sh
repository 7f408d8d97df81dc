# SPDX-License-Identifier: MIT
# A .gz that ends early.
. "$CLI/lib.sh"
tiny d
gzip -c d/train-images-idx3-ubyte | head -c 300 >d/train-images-idx3-ubyte.gz
rm d/train-images-idx3-ubyte
train --net "$net" --data-dir d
