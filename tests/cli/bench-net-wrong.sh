# SPDX-License-Identifier: MIT
# A net string that does not fit is refused by its token.
. "$CLI/lib.sh"
benches
bench-nets --net "1x8x8 conv4r9 dense10" --quick
