# SPDX-License-Identifier: MIT
# A report comes from rows alone: figures, claims and verdicts, and pictures lie where they were asked for.
scratch-cnn --filter "*published/[gl]*0.01" --data strokes --seeds 0,1 --epochs 5 --output r.jsonl --quiet >/dev/null || exit
scratch-cnn --report r.jsonl --data strokes --filter "*published/[gl]*0.01" --seeds 0,1 --epochs 5 >table || exit
grep -c "^| ours: .*published: gradient ascent at 0.01 < published: lr 0.01" table
grep -c "Holm over the" table
scratch-cnn --report r.jsonl --data strokes --filter "*published/[gl]*0.01" --seeds 0,1 --epochs 5 --format json |
    python3 -c "import json, sys; print(*sorted({row['kind'] for row in json.load(sys.stdin)}))"
scratch-cnn --filter scratch-cnn/published --data strokes --seeds 0 --epochs 2 --pictures p --output r.jsonl --quiet >/dev/null || exit
find p -name "*.npy" | wc -l; ls p
tail -n 1 r.jsonl | grep -c "\"fuse\":false"          # a run that is drawn has every layer by itself
