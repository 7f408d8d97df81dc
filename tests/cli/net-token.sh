# SPDX-License-Identifier: MIT
# An unknown word in a net is named.
train --net "1x28x28 convex8 dense10" --data strokes
