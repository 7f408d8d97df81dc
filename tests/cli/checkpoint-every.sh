# SPDX-License-Identifier: MIT
# A sweep with --checkpoint-every that is killed goes on within its runs, with the bits of one that never was; what is not whole is said and
# not taken; in the end no checkpoint is left.
. "$CLI/lib.sh"
tiny d
sweep=(train --net "$net" --recipe "opt=adam lr=0.001 batch=20 epochs=400" --data-dir d --jobs 2)
kept=("${sweep[@]}" --checkpoint-every 2 --output r.jsonl)
bits() { sed -E 's/.*"seed":([0-9]+).*("test_acc_per_epoch":\[[^]]*\]).*("weights_sha256":"[0-9a-f]*").*/\1 \2 \3/' "$1" | sort; }
"${sweep[@]}" --seeds 0,1 --output whole.jsonl --quiet >/dev/null
"${kept[@]}" --seeds 0,1 >/dev/null 2>e & pid=$!
until_has e "seed 0  epoch 7 "
until_has e "seed 1  epoch 7 "
{ kill -9 $pid; wait $pid; } 2>/dev/null
sleep 0.2
find r.checkpoints -name "*.safetensors" | wc -l
"${kept[@]}" --seeds 0,1 >/dev/null 2>e
grep -c "  epoch [1-5] of" e
[ "$(bits r.jsonl)" = "$(bits whole.jsonl)" ] && echo "same bits"
"${kept[@]}" --seeds 2 >/dev/null 2>e & pid=$!
until_has e "seed 2  epoch 3 "
kill -TERM $pid
wait $pid
echo "$?"
for file in r.checkpoints/*; do truncate -s -1 "$file"; done
"${kept[@]}" --seeds 2 2>e >/dev/null
grep "from the beginning" e
grep -c "  epoch [1-5] of" e
ls
train --net "$net" --data-dir d --output /dev/null --checkpoint-every 1 --quiet
train --net "$net" --data-dir d --checkpoint-every 1001
