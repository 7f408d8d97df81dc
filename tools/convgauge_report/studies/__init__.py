# SPDX-License-Identifier: MIT
"""The figures of each study, the card's first: the one that shows what became of the claim. All is drawn from rows; a title is a sentence
made from their numbers. A study with figures of its own has a file of its name here, with `figures(study)`; others get what any has."""

import importlib
import os

from ..study_figures import arm_dots, arms_sentence, means_sentence, published_dots


def any_study(study):
    return [published_dots(study, means_sentence), arm_dots(study, study.arms, study.name + '-changes', arms_sentence)]


def figures(study):
    name = study.name.replace('-', '_')
    own = os.path.exists(os.path.join(os.path.dirname(__file__), name + '.py'))
    return importlib.import_module('.' + name, __name__).figures(study) if own else any_study(study)
