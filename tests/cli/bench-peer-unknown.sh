# SPDX-License-Identifier: MIT
# Peers have names.
. "$CLI/lib.sh"
benches
bench-kernels --quick --quiet --peers mkl
