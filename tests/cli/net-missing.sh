# SPDX-License-Identifier: MIT
# train needs a net.
train --data strokes
