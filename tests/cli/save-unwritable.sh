# SPDX-License-Identifier: MIT
# A checkpoint that cannot be written.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --save no/where.safetensors --quiet
