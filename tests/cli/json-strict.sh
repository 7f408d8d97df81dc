# SPDX-License-Identifier: MIT
# Rows and tables are strict JSON, one object a line.
. "$CLI/lib.sh"
command -v python3 >/dev/null || { echo "no python3 to read them with"; exit 77; }
tiny d
wild="1x28x28 dense32 dense32 dense32 dense10"
train --net "$wild" --recipe "opt=sgd lr=1e6 batch=20 epochs=2" --on-divergence continue --data-dir d --output r.jsonl --quiet >/dev/null
train --net "$wild" --recipe "opt=sgd lr=1e6 batch=20 epochs=2" --data-dir d --output t.json --quiet
python3 -c '
import json
def no(word): raise SystemExit("not JSON: " + word)
row = json.loads(open("r.jsonl").read(), parse_constant=no)
print(row["train_loss_per_epoch"][1], sorted(row["not_finite"])[0])
print(json.load(open("t.json"), parse_constant=no)[0]["kind"])'
