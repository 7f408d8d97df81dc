# SPDX-License-Identifier: MIT
# Binding is one of three.
compact-net --bind socket
