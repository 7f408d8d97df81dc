# SPDX-License-Identifier: MIT
# A report of nothing says what would be something; a tier that is none says what there is.
compact-net --tier 5
compact-net --data strokes --report nowhere.jsonl
