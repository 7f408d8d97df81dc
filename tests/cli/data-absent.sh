# SPDX-License-Identifier: MIT
# Missing data end with 4, say where they were looked for and how to get them.
compact-net --data mnist --data-dir .
