# SPDX-License-Identifier: MIT
# The programs of examples/ do what they say, on any CPU.
set -e
for program in conv my_kernel train; do
    command -v example-$program >/dev/null || { echo "no examples in this build"; exit 77; }
    example-$program
done
example-my_kernel n3c5h7k11r1pad0
! example-my_kernel n3c5h7k11r3pad0 2>/dev/null
