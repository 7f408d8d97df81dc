# SPDX-License-Identifier: MIT
# What a recipe asks of the data is checked before the first run, --dry-run too.
. "$CLI/lib.sh"
tiny d
for words in select=perclass:300000000 select=first:70000 epochs=2000 augment=shift:100 pad=2000; do
    train --net "$net" --recipe "$words" --data-dir d --dry-run
done
