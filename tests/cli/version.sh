# SPDX-License-Identifier: MIT
# The version, on stdout.
compact-net --version
