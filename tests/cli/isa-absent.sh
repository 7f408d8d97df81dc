# SPDX-License-Identifier: MIT
# An instruction set that exists but not here has its own code; nothing falls back.
case $(uname -m) in
    x86_64) train --net "1x28x28 dense10" --data strokes --isa neon ;;
    *) train --net "1x28x28 dense10" --data strokes --isa avx2 ;;
esac
