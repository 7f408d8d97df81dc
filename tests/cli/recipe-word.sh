# SPDX-License-Identifier: MIT
# An unknown word in a recipe is named.
train --net "1x28x28 dense10" --recipe "optimiser=adam" --data strokes
