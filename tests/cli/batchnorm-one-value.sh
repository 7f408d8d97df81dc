# SPDX-License-Identifier: MIT
# Batch norm has no variance of a single value per channel: refused before training, also where an epoch's last batch would be of one image.
. "$CLI/lib.sh"
tiny d 201
narrow="1x28x28 dense8 bn relu dense10"
for batch in "batch=1" "batch=20" "batch=20 drop_last=1" "batch=201"; do
    train --net "$narrow" --recipe "opt=sgd lr=0.1 $batch epochs=1" --data-dir d --output r.jsonl --quiet >/dev/null
    echo "$batch: $?, $(grep -c . r.jsonl 2>/dev/null || true) rows"
done
