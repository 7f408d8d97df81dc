# SPDX-License-Identifier: MIT
# Programs take flags only.
compact-net mnist
