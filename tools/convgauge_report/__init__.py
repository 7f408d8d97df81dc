# SPDX-License-Identifier: MIT
"""From rows to tables, figures and the page. Bottom up: rows reads and judges files of rows; study knows what was published and which runs
belong to which cell; stats and findings compare; tables and figures show; page and outputs put it together."""

STUDIES = ('vanishing-canvas', 'mnist-architectures', 'scratch-cnn', 'kernel-size', 'compact-net')  # in the page's order
