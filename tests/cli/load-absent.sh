# SPDX-License-Identifier: MIT
# A checkpoint that is not there.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --load nothing.safetensors
