# SPDX-License-Identifier: MIT
# Epochs are a number.
compact-net --epochs many
