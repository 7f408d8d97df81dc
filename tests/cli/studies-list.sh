# SPDX-License-Identifier: MIT
# Every study lists its cells and arms with a line each, and no claim, figure or base names what is not there.
for study in vanishing-canvas mnist-architectures scratch-cnn kernel-size compact-net; do
    $study --list >list || exit
    grep -c "^$study/.*  ." list | awk -v study=$study '{ print study, ($1 >= 15 ? "many" : $1) }'
    $study --summary --arms >summary || exit
    grep -c "parameters" summary | awk '{ print ($1 >= 15 ? "summaries" : $1) }'
done
