# SPDX-License-Identifier: MIT
# Rows whose numbers nobody measured end no program: tables are made of them, or they are named and left out.
. "$CLI/lib.sh"
compact-net --data strokes --seeds 0-2 --epochs 1 --arms --dry-run --format json --output empty.jsonl >runs.json
python3 - <<'END'
import json
runs = json.load(open('runs.json'))
odd = ['1e308', '-1e308', '-1', '1e-320', '0', '"NaN"', '"Infinity"', 'null', '[]', '{}', 'true', '12345678901234567', '1e400', '9' * 400]
keys = ('test_acc best_test_acc train_acc test_loss train_images_per_s infer_images_per_s bytes_parameters bytes_gradients bytes_optimizer '
        'bytes_activations bytes_scratch peak_rss_bytes threads seed batch quiet').split()
for name, values in (('huge', odd[:2]), ('small', odd[2:5]), ('words', odd[5:11]), ('mixed', odd)):
    with open(f'{name}.jsonl', 'w') as file:
        for at, run in enumerate(runs):
            told = ','.join(f'"{key}":{values[(at + i) % len(values)]}' for i, key in enumerate(keys))
            file.write(f'{{"id":"{run["id"]}","net":"n","kind":"accuracy","test_acc_per_epoch":[{values[at % len(values)]}],{told}}}\n')
END
for rows in huge small words mixed; do
    for format in md json; do
        compact-net --data strokes --seeds 0-2 --epochs 1 --arms --report $rows.jsonl --format $format >out 2>err
        code=$?
        [ $code -lt 2 ] || { echo "$rows $format: $code"; cat err; }
    done
    merge -o merged-$rows.jsonl $rows.jsonl 2>err || { echo "merge $rows"; cat err; }
done
echo fine
