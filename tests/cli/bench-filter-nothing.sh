# SPDX-License-Identifier: MIT
# A filter that matches no case is an error, in both benches.
. "$CLI/lib.sh"
benches
bench-kernels --quick --quiet --filter nonsense >/dev/null || true
bench-nets --quick --quiet --filter nonsense
