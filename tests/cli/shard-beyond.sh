# SPDX-License-Identifier: MIT
# A shard lies within its count.
compact-net --shard 3/2
