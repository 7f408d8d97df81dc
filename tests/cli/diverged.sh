# SPDX-License-Identifier: MIT
# A run whose loss is not finite stops, says when, and its row has no accuracy; with --on-divergence continue it continues, and its row
# has none either. Weights that are no numbers are loaded with a word.
. "$CLI/lib.sh"
tiny d
recipe="opt=sgd lr=1e6 batch=20 epochs=2"
wild="1x28x28 dense32 dense32 dense32 dense10"
train --net "$wild" --recipe "$recipe" --data-dir d --output r.jsonl --save w.safetensors >/dev/null
[ ! -e w.safetensors ] || echo "weights that are no numbers were saved"
train --net "$wild" --recipe "$recipe" --data-dir d --output c.jsonl --on-divergence continue \
    --save w.safetensors --quiet >/dev/null
train --load w.safetensors --weights-only --recipe "batch=20 epochs=1" --data-dir d --output l.jsonl >/dev/null
grep -o '"test_acc":[^,]*\|"best_test_acc":[^,]*\|"diverged_at_update":[0-9]*\|"epochs":[0-9]*' r.jsonl c.jsonl
grep -o '"[a-z]*_images_per_s":null' r.jsonl c.jsonl # stopped before it was evaluated: no speed of that
train --net "$wild" --on-divergence perhaps --data-dir d
