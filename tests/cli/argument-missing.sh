# SPDX-License-Identifier: MIT
# A flag without its value.
compact-net --seeds
