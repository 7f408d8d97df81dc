# SPDX-License-Identifier: MIT
# A seed may stand once.
compact-net --seeds 0-4,3
