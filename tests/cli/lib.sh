# SPDX-License-Identifier: MIT
# What the scripts share: small data made here, and programs held at a point of their run.
set -u

be32() { printf '%b' "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"; }

# $2 images of 28x28 in idx format into $1; their pixels mean nothing.
idx_images() { { be32 2051; be32 "$2"; be32 28; be32 28; seq 1 $(($2 * 200)) | head -c $(($2 * 784)); } >"$1"; }

# $2 labels 0 … 9 in turn; $3: the highest label in place of 9.
idx_labels()
{
    { be32 2049; be32 "$2"; for ((i = 0; i < $2; i++)); do printf '%b' "\\$(printf %03o $((i % 10 == 9 ? ${3:-9} : i % 10)))"; done; } >"$1"
}

# A data set of $2 training and 100 test images in folder $1.
tiny()
{
    mkdir -p "$1"
    idx_images "$1/train-images-idx3-ubyte" "${2:-200}"
    idx_labels "$1/train-labels-idx1-ubyte" "${2:-200}"
    idx_images "$1/t10k-images-idx3-ubyte" 100
    idx_labels "$1/t10k-labels-idx1-ubyte" 100
}

net="1x28x28 conv4 relu max2 dense10"
small="opt=adam lr=0.001 batch=20 epochs=2"

# Waits until file $1 has $2, at most 30 s, or as long as it takes under valgrind.
until_has()
{
    for ((i = 0; i < ${CLI_PATIENCE:-300}; i++)); do
        grep -qs -- "$2" "$1" && return
        sleep 0.1
    done
    echo "never saw '$2' in $1"
    exit 1
}

# Skips where the build has no benches.
benches() { command -v bench-kernels >/dev/null || { echo "no benches in this build: Google Benchmark was not there"; exit 77; }; }
