# SPDX-License-Identifier: MIT
# Files of other kinds are named for what they are, without the advice to fetch; so are folders that are none, and what unpacks to too much.
. "$CLI/lib.sh"
tiny d
cp -r d good
try() { train --net "$net" --recipe "$small" --data-dir d --quiet >/dev/null; echo "$?" >&2; rm -rf d; cp -r good d; }
head_of() { { printf '%b' "$1"; tail -c +5 "good/$2"; } >"d/$2"; }
zeros() { be32 2051; be32 "$1"; be32 28; be32 28; head -c "$2" /dev/zero; } # what claims to be $1 images
head_of '\0\0\010\001' train-images-idx3-ubyte; try
head_of '\0\0\010\004' train-images-idx3-ubyte; try
head_of '\0\0\015\003' t10k-images-idx3-ubyte; try
head_of '\0\0\014\002' t10k-labels-idx1-ubyte; try
xz -c d/train-labels-idx1-ubyte >d/l; mv d/l d/train-labels-idx1-ubyte; try
zeros 8000000 1000000 | gzip >d/train-images-idx3-ubyte.gz; rm d/train-images-idx3-ubyte; try
zeros 1000000 784000000 | xz -1 >d/train-images-idx3-ubyte.xz; rm d/train-images-idx3-ubyte; try
for name in nowhere file fifo; do
    [ $name = file ] && : >file
    [ $name = fifo ] && mkfifo fifo
    train --net "$net" --data-dir $name >/dev/null
    compact-net --data mnist --data-dir $name >/dev/null
    echo $? >&2
done
ulimit -v 4000000
zeros 8000000 0 >d/train-images-idx3-ubyte; try
