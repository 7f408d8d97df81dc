# SPDX-License-Identifier: MIT
# Help, on stdout, by -h as by --help: a program's flags are those that it takes, then three examples and the exit codes.
. "$CLI/lib.sh"
for program in train compact-net bench-runtime bench-nets bench-kernels kernelcheck; do
    command -v $program >/dev/null || continue
    $program --help >help || echo "$program --help failed"
    $program -h | cmp - help
    [ "$(sed -n '/^Examples:/,/^$/p' help | grep -c "^  $program ")" -ge 3 ] || echo "$program shows fewer than three examples"
    grep -q "^Exit status:" help || echo "$program tells no exit codes"
    [ "$(awk 'length > 79' help | grep -vc "^  $program ")" = 0 ] || echo "$program: lines beyond 79 columns"
    # what one program takes and another does not
    for flag in epochs seeds jobs shard data algo no-fuse; do
        shown=$(grep -cE "^ {6}--$flag( |=|$)" help)
        taken=1
        $program --$flag=1 --version >/dev/null 2>err || { grep -q "unknown option\|unrecognized" err && taken=0; }
        [ "$shown" = "$taken" ] || echo "$program --$flag: shown $shown, taken $taken"
    done
done
bench-runtime --epochs 3 2>&1
CONVGAUGE_EPOCHS=none bench-runtime --list | head -n 1
