# SPDX-License-Identifier: MIT
# Machines as hwloc's XML files tell of them: CPUs that are offline, gaps in the numbers, neither caches nor NUMA nodes nor cores. Told of
# only (HWLOC_THISSYSTEM=0, which is the default), workers cannot be pinned and say so; taken for this machine (=1), they are pinned where
# the CPU is one that this process may use (the first one alone). The bits are the same everywhere.
. "$CLI/lib.sh"
first=$(sed -nE 's/^Cpus_allowed_list:[[:space:]]*([0-9]+).*/\1/p' /proc/self/status 2>/dev/null)
[ "${first:-64}" -lt 64 ] || { echo "no CPU below 64 to take part in a machine"; exit 77; }
taskset -c "$first" true 2>/dev/null || { echo "workers cannot be pinned here"; exit 77; }
tiny d
export CONVGAUGE_CLAIMS=xml-topologies.$$

# The bitmap of these numbers, as hwloc writes it.
mask()
{
    local words=(0 0 0) pu
    for pu; do words[pu / 32]=$((words[pu / 32] | 1 << pu % 32)); done
    printf '0x%08x,0x%08x,0x%08x' "${words[2]}" "${words[1]}" "${words[0]}"
}

# object TYPE INDEX PU...: the attributes of one; in the second format each has a number of its own, and what it has of memory.
object()
{
    local cpus
    cpus=$(mask "${@:3}")
    printf '<object type="%s" os_index="%d" cpuset="%s" complete_cpuset="%s"' "$1" "$2" "$cpus" "$cpus"
    [ "$format" = 1 ] || printf ' nodeset="0x1" complete_nodeset="0x1" gp_index="%d"' $((number += 1))
}

# machine CORE...: a file of hwloc's format $format; a core is its PUs, "0,1", or "pu:0" where the machine tells of no cores. CPUs 0 … $most
# are there, those that no core has are offline.
machine()
{
    local core pu pus number=1
    # shellcheck disable=SC2046,SC2086 # numbers
    {
        pus=$(tr ',' ' ' <<<"${*//pu:/}")
        echo '<?xml version="1.0" encoding="UTF-8"?>'
        [ "$format" = 1 ] && echo '<topology>' || echo '<topology version="2.0">'
        object Machine 0 $pus | sed "s/ complete_cpuset=\"[^\"]*\"/ complete_cpuset=\"$(mask $(seq 0 "$most"))\"/"
        [ "$format" = 1 ] && echo '>' || echo ' allowed_cpuset="'"$(mask $pus)"'" allowed_nodeset="0x1">'
        number=2
        [ "$format" = 1 ] || { object NUMANode 0 $pus; echo ' local_memory="1073741824"/>'; }
        for core; do
            number=$((100 * (number / 100 + 1)))
            pus=$(tr ',' ' ' <<<"${core#pu:}")
            [[ $core = pu:* ]] || { object Core $((number / 100)) $pus; echo '>'; }
            for pu in $pus; do number=$((number + 1)); object PU "$pu" "$pu"; echo '/>'; done
            [[ $core = pu:* ]] || echo '</object>'
        done
        echo '</object></topology>'
    } >m.xml
}

# try [0|1]: exit code, rows, how many of them say "not pinned", and how often that was said; $1: HWLOC_THISSYSTEM.
try()
{
    : >r.jsonl
    env HWLOC_XMLFILE=m.xml ${1:+HWLOC_THISSYSTEM=$1} taskset -c "$first" train --net "$net" --recipe "$small" --data-dir d \
        --threads 2 --jobs 2 --seeds 0,1 --quiet --output r.jsonl >/dev/null 2>err
    echo "$? $(wc -l <r.jsonl) $(grep -c '"pinned":false' r.jsonl) $(grep -c 'cannot be pinned here' err)"
    grep -v 'cannot be pinned here' err
    grep -o '"weights_sha256":"[0-9a-f]*"' r.jsonl | sort >>bits
    rm r.jsonl
}

# Only told of: online and offline in turn; a gap; each PU alone, and no cores.
format=2 most=7
machine 0,1 4,5; try 0
machine 1 3 6; try 0
most=90
machine 2 7 70; try
machine pu:1 pu:80; try 0
format=1
machine 0 5 70; try 0
# Taken for this machine: what this process may not use is left out.
for format in 1 2; do
    machine "$first" $((first + 9)) 70; try 1
    machine "pu:$first" pu:88; try 1
done
# Of a machine that has none of ours, and a file that is none.
machine 88 89; try 1
echo '<topology' >m.xml; try
sort bits | uniq -c | sed -E 's/^ *([0-9]+) .*/\1/'
