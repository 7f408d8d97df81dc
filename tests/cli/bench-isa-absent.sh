# SPDX-License-Identifier: MIT
# An instruction set that is not here has its own code.
. "$CLI/lib.sh"
benches
case $(uname -m) in
    x86_64) bench-kernels --quick --isa neon ;;
    *) bench-kernels --quick --isa avx2 ;;
esac
