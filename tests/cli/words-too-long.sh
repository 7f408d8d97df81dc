# SPDX-License-Identifier: MIT
# What does not fit is refused, never cut.
train --net "1x28x28 dense10" --data strokes --recipe "$(printf 'opt=sgd %.0s' {1..300})" 2>err
echo "$? $(wc -l <err)"
cat err
compact-net --pictures "$(printf 'a%.0s' {1..2000})" 2>err
echo "$? $(wc -l <err)"
cat err
