# SPDX-License-Identifier: MIT
# Flags are stronger than the environment, even than a wrong value there.
. "$CLI/lib.sh"
tiny d
CONVGAUGE_SEEDS=none CONVGAUGE_QUIET=1 train --net "$net" --recipe "$small" --data-dir d --seeds 4 --format csv | cut -d, -f1-3
CONVGAUGE_SEEDS=5,6 CONVGAUGE_QUIET=1 train --net "$net" --recipe "$small" --data-dir d --format jsonl | grep -o '"seed":[0-9]*' | sort
