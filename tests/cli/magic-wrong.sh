# SPDX-License-Identifier: MIT
# A file that is not idx.
. "$CLI/lib.sh"
tiny d
{ be32 12345; tail -c +5 d/train-images-idx3-ubyte; } >d/other
mv d/other d/train-images-idx3-ubyte
train --net "$net" --data-dir d
