# SPDX-License-Identifier: MIT
# Help, on stdout, with the program's own flags and the common ones.
train --help | grep -cE -- "--(net|recipe|load|save|data|seeds|shard)="
