# SPDX-License-Identifier: MIT
# A file that is no checkpoint.
. "$CLI/lib.sh"
tiny d
echo "these are words" >words.safetensors
train --net "$net" --recipe "$small" --data-dir d --load words.safetensors --quiet
