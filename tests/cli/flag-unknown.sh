# SPDX-License-Identifier: MIT
# An unknown flag.
compact-net --sedes 3
