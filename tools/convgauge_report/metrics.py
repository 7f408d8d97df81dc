# SPDX-License-Identifier: MIT
"""What one row says, by name: the twin of ablations/driver/metrics.c, whose keys these are. None where the row does not tell. A test holds
the two against each other on real rows."""

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
FACTS = ('parameters', 'field', 'side', 'memory')


def values(rows, metric):
    """(seed, value) of the rows that tell it; metric as studies/*.json has it."""
    get = METRICS[metric['key']]
    found = [(row['seed'], get(row, metric['at'])) for row in rows]
    return [(seed, value) for seed, value in found if value is not None and math.isfinite(value)]
