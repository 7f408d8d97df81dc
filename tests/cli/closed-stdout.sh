# SPDX-License-Identifier: MIT
# What was asked for on stdout and could not be written there is an error, of lists, help and dry runs too; a dead stderr is none.
. "$CLI/lib.sh"
for words in "train --list" "compact-net --list" "compact-net --help" "train --help-net" "train --version" \
    "compact-net --dry-run --data strokes --filter published --seeds 0" "bench-runtime --list" "kernelcheck --list"; do
    command -v "${words%% *}" >/dev/null || continue
    $words >&- 2>err
    echo "$? $(grep -c "stdout: Bad file descriptor" err) $words"
done
tiny d
train --net "$net" --recipe "$small" --data-dir d --seeds 0 --output r.jsonl 2>&- >/dev/null
echo "$? stderr closed"
[ ! -e /dev/full ] || train --net "$net" --recipe "$small" --data-dir d --seeds 1 --output r.jsonl 2>/dev/full >/dev/null
echo "$? stderr full"
