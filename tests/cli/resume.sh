# SPDX-License-Identifier: MIT
# What has a row is not run again; a new seed is.
. "$CLI/lib.sh"
tiny d
for seeds in 0,1 0,1 0-2; do
    train --net "$net" --recipe "$small" --data-dir d --seeds $seeds >/dev/null 2>e
    grep "to run" e >&2
done
