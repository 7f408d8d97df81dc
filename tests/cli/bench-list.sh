# SPDX-License-Identifier: MIT
# What there is to time comes from the registry, the zoo and the table; a problem of one's own is listed like them.
. "$CLI/lib.sh"
benches
bench-kernels --list --isa scalar --problem max:n16c4h8r2pad0
bench-nets --list --isa scalar --net compact-net/published | sed 's/  .*//'
