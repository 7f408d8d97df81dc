# SPDX-License-Identifier: MIT
# An array's place that is no number is refused, not taken for the first.
export SLURM_ARRAY_TASK_ID=garbage SLURM_ARRAY_TASK_COUNT=4
compact-net --shard auto --list
