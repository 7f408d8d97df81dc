# SPDX-License-Identifier: MIT
# A program says means, deviations and counts from rows alone, and where verdicts come from; pictures lie where they were asked for.
run="scratch-cnn --data strokes --seeds 0,1 --epochs 5"
$run --filter "*published/[gl]*0.01" --output r.jsonl --quiet >/dev/null || exit
$run --filter "*published/[gl]*0.01" --report r.jsonl >table || exit
grep -c "^| published: gradient ascent at 0.01 | .* ± .*, 2 |" table
grep "^Intervals and verdicts: " table
$run --filter "*published/[gl]*0.01" --report r.jsonl --format json |
    python3 -c "import json, sys; print(*sorted({row['kind'] for row in json.load(sys.stdin)}))"
scratch-cnn --filter scratch-cnn/published --data strokes --seeds 0 --epochs 2 --pictures p --output r.jsonl --quiet >/dev/null || exit
find p -name "*.npy" | wc -l; ls p
tail -n 1 r.jsonl | grep -c "\"fuse\":false"          # a run that is drawn has every layer by itself
