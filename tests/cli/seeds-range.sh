# SPDX-License-Identifier: MIT
# A range that runs backwards.
compact-net --seeds 9-3
