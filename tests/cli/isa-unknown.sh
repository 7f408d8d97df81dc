# SPDX-License-Identifier: MIT
# A name that is no instruction set is a usage error.
compact-net --isa sse2
