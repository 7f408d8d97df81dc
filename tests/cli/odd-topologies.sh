# SPDX-License-Identifier: MIT
# Machines with gaps in the numbers of their CPUs (some are offline), in another order, with more sockets than here: the same bits, and
# workers that cannot be pinned say so.
. "$CLI/lib.sh"
tiny d
export CONVGAUGE_CLAIMS=odd-topologies.$$
for machine in "core:4 pu:2" "pack:2 core:2 pu:1(indexes=0,3,5,9)" "core:3 pu:1(indexes=2,7,70)" \
    "pu:2(indexes=4,1)" "pack:64 core:4 pu:2"; do
    HWLOC_SYNTHETIC=$machine train --net "$net" --recipe "$small" --data-dir d --threads 2 --jobs 2 --seeds 0,1 --quiet --output r.jsonl \
        >/dev/null 2>err
    echo "$? $(wc -l <r.jsonl) $(grep -c '"pinned":false' r.jsonl) $(grep -c 'cannot be pinned here' err)"
    grep -o '"weights_sha256":"[0-9a-f]*"' r.jsonl | sort >>bits
    rm r.jsonl
done
sort bits | uniq -c | sed -E 's/^ *([0-9]+) .*/\1/'
