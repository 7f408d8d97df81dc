# SPDX-License-Identifier: MIT
# The message lists the data sets.
compact-net --data imagenet
