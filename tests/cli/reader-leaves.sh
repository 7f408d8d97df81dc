# SPDX-License-Identifier: MIT
# Who reads a list may leave before its end, at any moment: no words for that.
. "$CLI/lib.sh"
benches
for ((i = 0; i < 40; i++)); do bench-kernels --list | head -n 1; done | sort -u | cut -c 1-4
for ((i = 0; i < 20; i++)); do kernelcheck --list | head -n 1; done | sort -u | cut -c 1-4
