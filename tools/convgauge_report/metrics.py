# SPDX-License-Identifier: MIT
"""What one row says, by name, and what a net is: the measures that ablations/claims/ asks for. None where the row does not tell."""

import math
import statistics

FITTED_LOSS = 0.1
FAILS = 20  # per cent of test accuracy: below it a run has failed


def epochs(row):
    return len(row.get('test_acc_per_epoch') or ())


def at_epoch(row, curve, i):
    values = row.get(curve) or ()
    return values[i] if 0 <= i < len(values) else None


def late(row, at):
    return [value for value in (row.get('test_acc_per_epoch') or ())[int(at) - 1 :] if value is not None]


def best_epoch(row):
    curve = [-1 if value is None else value for value in row.get('test_acc_per_epoch') or ()]
    return float(curve.index(max(curve)) + 1) if curve else None


def first_epoch(row, curve, wanted):
    for i in range(epochs(row)):
        value = at_epoch(row, curve, i)
        if value is not None and wanted(value):
            return float(i + 1)
    return None


def spiked(row):
    """A loss that is not finite is a spike, too."""
    losses = row.get('train_loss_per_epoch') or ()
    return float(any(now is None or before is None or not now <= 2 * before for before, now in zip(losses, losses[1:])))


def fitted(row):
    """Not when the last loss is not finite."""
    last = at_epoch(row, 'train_loss_per_epoch', epochs(row) - 1)
    return None if not epochs(row) else float(last is not None and last < FITTED_LOSS)


def reached(value, at):
    return None if value is None else float(value >= at)


def minus(a, b):
    return None if a is None or b is None else a - b


def gradient_error(row):
    told = [abs(1 - value) / max(1, abs(value)) for value in row.get('gradient_check') or () if value is not None]
    return max(told) if told else None


def field(name):
    return lambda row, at: row.get(name)


METRICS = {
    'test_acc': field('test_acc'),
    'best_test_acc': field('best_test_acc'),
    'train_acc': field('train_acc'),
    'running_acc': field('train_acc_running'),
    'test_loss': field('test_loss'),
    'logit_std': field('logit_std_at_init'),
    'printed_loss': lambda row, at: None if row.get('test_loss') is None else row['test_loss'] / at,
    'gap': lambda row, at: minus(row.get('train_acc'), row.get('test_acc')),
    'epoch_test_acc': lambda row, at: at_epoch(row, 'test_acc_per_epoch', int(at) - 1),
    'epoch_running_acc': lambda row, at: at_epoch(row, 'train_acc_running_per_epoch', int(at) - 1),
    'epoch_test_loss': lambda row, at: at_epoch(row, 'test_loss_per_epoch', int(at) - 1),
    'best_epoch': lambda row, at: best_epoch(row),
    'late_mean': lambda row, at: statistics.fmean(late(row, at)) if late(row, at) else None,
    'late_sd': lambda row, at: statistics.stdev(late(row, at)) if len(late(row, at)) > 1 else None,
    'first_reaching': lambda row, at: first_epoch(row, 'test_acc_per_epoch', lambda value: value >= at),
    'steps_to_fit': lambda row, at: first_epoch(row, 'train_loss_per_epoch', lambda value: value < FITTED_LOSS),
    'shift_loss': lambda row, at: minus(at_epoch(row, 'test_acc_shifted', 0), at_epoch(row, 'test_acc_shifted', int(at))),
    'failed': lambda row, at: None if row.get('test_acc') is None else float(row['test_acc'] < FAILS),
    'reached': lambda row, at: reached(row.get('test_acc'), at),
    'best_reached': lambda row, at: reached(row.get('best_test_acc'), at),
    'fitted': lambda row, at: fitted(row),
    'learned': lambda row, at: reached(row.get('train_acc'), 100),
    'seconds': lambda row, at: row.get('seconds') if row.get('quiet') else None,
    'gradient_error': lambda row, at: gradient_error(row),
    'spiked': lambda row, at: spiked(row) if epochs(row) else None,
}
SHARES = ('failed', 'reached', 'best_reached', 'fitted', 'learned', 'spiked')  # of runs; a run's own value is 0 or 1
OF_DIVERGED = {'failed': 1.0, 'spiked': 1.0}  # what a run that diverged counts as, which has no accuracy; in other shares it is a 0
POINTS = ('gap', 'late_mean', 'late_sd', 'shift_loss')  # measured in points of accuracy, with all that ends in _acc


def in_points(key):
    return key.endswith('_acc') or key in POINTS


# ---- facts of a net, the same for every run --------------------------------------------------------------------------------------


def layer_of(study, cell, at):
    """Convolutions and pools are counted from 1."""
    words = ('conv', 'max', 'avg', 'gap')
    return [layer for layer in study.told['nets'][cell] if layer['layer'].startswith(words)][int(at) - 1]


FACTS = {
    'parameters': lambda entry, at: float(entry.told['parameters']),
    'memory': lambda entry, at: entry.told['memory'],
    'field': lambda entry, at: float(layer_of(entry.study, entry.cell, at)['field']),
    'side': lambda entry, at: float(layer_of(entry.study, entry.cell, at)['out'].split('x')[1]),
    'last_field': lambda entry, at: float(entry.told['field']),
}

# How a measure is said, {} being its `at`, and with how many decimals.
SAID = {
    'test_acc': ('test accuracy', 2),
    'best_test_acc': ('test accuracy, best epoch on test', 2),
    'train_acc': ('training-set accuracy', 2),
    'running_acc': ('running train accuracy', 2),
    'test_loss': ('test loss', 4),
    'printed_loss': ('test loss as printed (over {})', 4),
    'gap': ('train minus test accuracy', 2),
    'epoch_test_acc': ('test accuracy, epoch {}', 2),
    'epoch_running_acc': ('running train accuracy, epoch {}', 2),
    'epoch_test_loss': ('test loss, epoch {}', 4),
    'best_epoch': ('best epoch on test', 1),
    'late_mean': ('mean test accuracy from epoch {} on', 2),
    'late_sd': ('sd of test accuracy from epoch {} on', 3),
    'first_reaching': ('first epoch at {} %', 1),
    'steps_to_fit': ('steps until fitted', 0),
    'logit_std': ('std of logits over images at init', 4),
    'shift_loss': ('accuracy lost by shifts up to {} px', 2),
    'failed': ('share of runs below 20 %', 2),
    'reached': ('share of runs at {} %', 2),
    'best_reached': ('share of runs at {} %, best epoch on test', 2),
    'fitted': ('share of runs with a loss below 0.1', 2),
    'learned': ('share of runs with all training images right', 2),
    'spiked': ('share of runs with a loss spike', 2),
    'gradient_error': ('worst tensor of the gradient check', 3),
    'parameters': ('parameters', 0),
    'field': ('receptive field of layer {}', 0),
    'last_field': ('receptive field of the last layer', 0),
    'memory': ("summary's estimated MB", 2),
    'side': ('output rows of layer {}', 0),
    'seconds': ('seconds of training, alone on the machine', 3),
}


def measure(key, at=0):
    words, digits = SAID[key]
    return {'key': key, 'at': at, 'words': words.format(f'{at:g}'), 'digits': digits, 'share': key in SHARES}


def diverged(row):
    return row.get('diverged_at_update') is not None


def of(row, key, at=0):
    return OF_DIVERGED.get(key, 0.0) if key in SHARES and diverged(row) else METRICS[key](row, at)


def values(rows, metric):
    """(seed, value) of the rows that tell it."""
    found = [(row['seed'], of(row, metric['key'], metric['at'])) for row in rows]
    return [(seed, value) for seed, value in found if value is not None and math.isfinite(value)]
