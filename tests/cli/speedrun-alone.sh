# SPDX-License-Identifier: MIT
# A speedrun is made when its tier is asked for: it takes every core, one run at a time.
compact-net --filter "*speedrun" --data strokes --output r.jsonl
compact-net --filter "*speedrun" --tier 4 --data strokes --seeds 0 --dry-run --output r.jsonl |
    grep -o "^[^ ]*speedrun seed 0\|with 1 side by side"
