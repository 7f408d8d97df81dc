# SPDX-License-Identifier: MIT
"""From rows to tables, figures and the page. Bottom up: rows reads and checks files of rows; study knows what was published and which runs
belong to which cell; stats, findings (published values) and verdicts (claims) compare; tables and figures show; page and outputs put it
together."""

import glob
import json
import os

CLAIMS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'ablations', 'claims')


def _studies():
    """Those whose articles have records, in the page's order."""
    placed = []
    for path in glob.glob(os.path.join(CLAIMS, '*.json')):
        with open(path, encoding='utf-8') as file:
            record = json.load(file)
        if 'study' in record:
            placed.append((record['place'], record['study']))
    return tuple(name for _, name in sorted(placed))


STUDIES = _studies()
