# SPDX-License-Identifier: MIT
# The message lists the algorithms.
compact-net --algo fourier
