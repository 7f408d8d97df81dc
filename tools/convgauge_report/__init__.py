# SPDX-License-Identifier: MIT
"""From rows to tables, figures and the page. Bottom up: rows reads and judges files of rows; study knows what was published and which runs
belong to which cell; stats, findings (published values) and verdicts (claims) compare; tables and figures show; page and outputs put it
together."""

import os

CLAIMS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'ablations', 'claims')
STUDIES = ('vanishing-canvas', 'mnist-architectures', 'scratch-cnn', 'kernel-size', 'compact-net')  # in the page's order
