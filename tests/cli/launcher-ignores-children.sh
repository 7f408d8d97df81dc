# SPDX-License-Identifier: MIT
# Some launchers leave SIGCHLD ignored; what a run used is known all the same.
. "$CLI/lib.sh"
tiny d
env --ignore-signal=CHLD train --net "$net" --recipe "$small" --data-dir d --output r.jsonl --quiet >/dev/null
grep -c "\"peak_rss_bytes\":[1-9]" r.jsonl
