# SPDX-License-Identifier: MIT
# Formats are four.
compact-net --format xml
