# SPDX-License-Identifier: MIT
# On a terminal the table is followed by a picture of it, elsewhere it is not.
. "$CLI/lib.sh"
command -v script >/dev/null || { echo "no script(1) here: apt-get install bsdutils"; exit 77; }
tiny d
run="train --net '$net' --recipe '$small' --data-dir d --seeds 0,1 --quiet"
TERM=xterm script -qec "$run" /dev/null </dev/null | tr -d '\r' | grep -E '●'
eval "$run" | grep -c '●'
TERM=dumb script -qec "$run" /dev/null </dev/null | grep -c '●'
