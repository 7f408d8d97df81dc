# SPDX-License-Identifier: MIT
# train chooses no data silently.
train --net "1x28x28 dense10"
