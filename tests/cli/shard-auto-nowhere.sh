# SPDX-License-Identifier: MIT
# auto needs a scheduler that says where we are.
compact-net --shard auto
