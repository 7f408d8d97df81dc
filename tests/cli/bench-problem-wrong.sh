# SPDX-License-Identifier: MIT
# A problem that no op reads is refused with what it should look like.
. "$CLI/lib.sh"
benches
bench-kernels --problem conv:n64
