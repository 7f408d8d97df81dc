# SPDX-License-Identifier: MIT
# The same weights for any number of threads, pinned or not, and on every SIMD instruction set that is here.
. "$CLI/lib.sh"
tiny d
net="1x28x28 conv4same relu bn max2 drop0.2 conv8 relu avg2 dense10"
mapfile -t isas < <(kernelcheck --isa none 2>&1 | sed 's/.* there are scalar //' | tr ' ' '\n' | sed 's/^/--isa /')
for how in "--threads 1" "--threads 2" "--threads 3" "--bind none" "${isas[@]}"; do
    # shellcheck disable=SC2086
    train --net "$net" --recipe "$small" --data-dir d $how --output "r${how// /}.jsonl" --quiet >/dev/null 2>&1
    case $? in 0 | 3) ;; *) echo "$how failed" ;; esac
done
cat r*.jsonl | grep -o '"weights_sha256":"[0-9a-f]*"' | sort -u | wc -l
cat r--threads*.jsonl | grep -o '"threads":[0-9]'
grep -o '"isa":"portable"' r--isaportable.jsonl
