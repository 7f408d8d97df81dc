# SPDX-License-Identifier: MIT
# A list and a filter that matches nothing leave no half-made file.
. "$CLI/lib.sh"
benches
bench-kernels --list --output a.md | head -n 1 | cut -c 1-4
bench-kernels --filter nothing --output b.md
bench-nets --net scratch-cnn/mnist --filter nothing --output c.md
ls
