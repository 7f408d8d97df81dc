# SPDX-License-Identifier: MIT
# The bar fits the terminal: no line of it is as long as the terminal is wide, at 100, 60, 30 and 24 columns.
. "$CLI/lib.sh"
command -v script >/dev/null || { echo "no script(1) to make a terminal"; exit 77; }
tiny d
export TERM=xterm NO_COLOR=1
for columns in 100 60 30 24; do
    command="stty cols $columns; train --net '$net' --recipe '$small' --data-dir d --seeds 0-2 --epochs 100 --output $columns.jsonl"
    script -qec "$command" log >/dev/null </dev/null
    # what is drawn between a return and the next
    tr '\r' '\n' <log | grep -a 'runs, ' | sed 's/.*\[K//' |
        awk -v c=$columns '{ n++; if (length > most) most = length } END { print c, (n > 1), (most < c) }'
done
