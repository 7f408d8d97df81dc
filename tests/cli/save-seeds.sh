# SPDX-License-Identifier: MIT
# A checkpoint holds one seed.
train --net "1x28x28 dense10" --data strokes --seeds 0-2 --save w.safetensors
