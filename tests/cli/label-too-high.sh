# SPDX-License-Identifier: MIT
# Labels lie below the count of classes.
. "$CLI/lib.sh"
tiny d/mnist
idx_labels d/mnist/train-labels-idx1-ubyte 200 200
train --net "$net" --data mnist --data-dir d
