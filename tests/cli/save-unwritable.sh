# SPDX-License-Identifier: MIT
# A checkpoint that cannot be written: no folder, no file there, none of a name, a folder, a device. Nothing is trained, nothing is left.
. "$CLI/lib.sh"
tiny d
mkdir e
for place in no/where.safetensors /proc/self/c.safetensors "" e /dev/null; do
    train --net "$net" --recipe "$small" --data-dir d --save "$place" --quiet
done
train --net "$net" --recipe "$small" --data-dir d --save e/c.safetensors --dry-run >/dev/null
find e >&2
exit 1
