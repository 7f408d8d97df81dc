# SPDX-License-Identifier: MIT
# As many labels as images.
. "$CLI/lib.sh"
tiny d
idx_labels d/train-labels-idx1-ubyte 150
train --net "$net" --data-dir d
