# SPDX-License-Identifier: MIT
# More workers than cores are said, once, and run.
. "$CLI/lib.sh"
tiny d
train --net "$net" --recipe "$small" --data-dir d --threads 500 --dry-run
command -v bench-runtime >/dev/null || exit 0
bench-runtime --threads 300 --filter clock --quick 2>&1 | grep -c "threads 300: there are [0-9]* cores here, which they share"
