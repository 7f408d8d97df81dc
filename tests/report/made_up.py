# SPDX-License-Identifier: MIT
"""Rows that nobody measured, for tests alone: every cell and arm of every study and every kind of bench row, from a seeded generator,
with ids and schema as real ones have. They go to temporary folders and nowhere else."""

import hashlib
import json
import math
import os
import random
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tools'))

from convgauge_report import STUDIES  # noqa: E402, after the path it is found on

ENV = {
    'cpu': 'Made-Up 9000',
    'compiler': 'gcc 12.2.0',
    'flags': '-O3',
    'commit': '0123456789ab',
    'dirty': False,
    'os': 'Linux, for tests',
    'host': 'nowhere',
    'virtualised': False,
    'governor': 'performance',
    'fma_peak_gflops': None,
}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def told(study):
    with open(os.path.join(TOP, 'results', 'studies', study + '.json'), encoding='utf-8') as file:
        return json.load(file)


def study_of(told):
    """The study with what its article says, without rows."""
    from convgauge_report import CLAIMS, study

    with open(os.path.join(CLAIMS, told['study'] + '.json'), encoding='utf-8') as file:
        return study.Study(told, json.load(file))


def training_row(study, entry, seed, kind='accuracy', **more):
    """A run of an entry of studies/*.json."""
    chance = random.Random(f'{study}/{entry["cell"]}/{entry["arm"]}/{seed}')
    epochs = min(entry['epochs'], 30)
    level = {'mnist': 99, 'fashion-mnist': 91, 'cifar-10': 50}.get(entry['data'], 95) + chance.gauss(0, 0.1)
    if study == 'vanishing-canvas' and chance.random() < 0.4 and 'norm' not in entry['arm']:
        level = 10
    accuracy = [round(level - 8 * math.exp(-i) * chance.random(), 2) for i in range(epochs)]
    loss = [round(2.3 * math.exp(-i / 3) + 0.05 * chance.random(), 6) for i in range(epochs)]
    row = {
        'id': '',
        'kind': kind,
        'study': study,
        'cell': entry['cell'],
        'arm': entry['arm'],
        'seed': seed,
        'data': entry['data'],
        'data_sha256': sha(entry['data']),
        'net': entry['net'],
        'recipe': entry['recipe'],
        'batch': entry['batch'],
        'epochs': epochs,
        'published': entry['published'],
        'published_loss': entry['published_loss'],
        'test_acc': accuracy[-1],
        'train_acc': min(100.0, round(accuracy[-1] + 0.3, 2)),
        'train_acc_running': accuracy[-1],
        'best_test_acc': max(accuracy),
        'test_loss': loss[-1],
        'test_acc_per_epoch': accuracy,
        'train_acc_running_per_epoch': accuracy,
        'train_loss_per_epoch': loss,
        'test_loss_per_epoch': loss,
        'train_images_per_s': 20000.0,
        'infer_images_per_s': 60000.0,
        'seconds': 30.0,
        'bytes_parameters': 4 * entry['parameters'],
        'bytes_gradients': 4 * entry['parameters'],
        'bytes_optimizer': 8 * entry['parameters'],
        'bytes_activations': 10**6,
        'bytes_scratch': 10**5,
        'isa': 'avx2',
        'algo': 'auto',
        'threads': 1,
        'pinned': True,
        'weights_sha256': sha(f'{study}{entry["cell"]}{entry["arm"]}{seed}'),
        'peak_rss_bytes': 10**8,
        'quiet': False,
        'finished': '2026-01-02T03:04:05Z',
        'numerics': sha('bits'),
        'env': ENV,
    }
    return sealed({**row, **fields_of(study, entry, accuracy), **more})


def fields_of(study, entry, accuracy):
    """What rows of that study, or in that precision, have besides."""
    fields = {}
    if study == 'vanishing-canvas':
        fields.update(signal_std=[round(2.0 * 0.6**i, 5) for i in range(6)], logit_std_at_init=int(entry['cell'][1:]) / 5)
    if study == 'scratch-cnn':
        fields['gradient_check'] = [1.0, 0.99, 1.0, 0.5, 1.0, 1.0, None, 1.0]
    if study == 'kernel-size':
        fields['test_acc_shifted'] = [accuracy[-1] - 2.0 * i for i in range(5)]
    if 'precision=bf16' in entry['recipe'].split():
        fields.update(precision='bf16', tiles='amx', numerics=sha('bits of bf16'))
    return fields


def diverged(epochs):
    """What the row of a run says whose loss was not finite in the epoch after so many."""
    gone = dict.fromkeys(('test_acc', 'train_acc', 'train_acc_running', 'best_test_acc', 'test_loss'))
    curves = {key + '_per_epoch': [50.0] * epochs for key in ('test_acc', 'train_acc_running', 'train_loss', 'test_loss')}
    return {**gone, **curves, 'epochs': epochs, 'diverged_at_update': 7, 'infer_images_per_s': 60000.0 if epochs else None}


def sealed(row):
    from convgauge_report import check_rows

    return {**row, 'id': check_rows.id_of(row)}


def training_rows(seeds=3):
    return {study: [training_row(study, entry, seed) for entry in told(study)['entries'] for seed in range(seeds)] for study in STUDIES}


def timed(us, seed):
    chance = random.Random(seed)
    return {
        'us': us,
        'us_ci_low': us * 0.99,
        'us_ci_high': us * 1.01,
        'us_min': us * 0.98,
        'us_p95': us * 1.1,
        'ci_percent': 1.0,
        'us_samples': [us * (1 + 0.01 * chance.random()) for _ in range(10)],
        'ok': True,
        'cold': False,
        'threads': 1,
        'pinned': True,
    }


def kernel_rows():
    variants = {'avx2/direct': 1.0, 'avx2/winograd4': 0.6, 'avx2/fft16': 1.4, 'scalar/plain': 40, 'peer/onednn': 1.3, 'peer/autovec': 9}
    rows = []
    for what in ('conv.fwd', 'conv.bwd_data', 'conv.bwd_weights', 'pool.fwd'):
        for problem in ('n64c8h28k8r3pad1', 'n64c16h12k16r3pad0', 'n64c32h28k32r3pad1'):
            base = random.Random(what + problem).uniform(100, 900)
            for variant, times in variants.items():
                if what == 'pool.fwd' and variant not in ('avx2/direct', 'peer/onednn', 'scalar/plain'):
                    continue
                isa, algo = variant.split('/')
                us, flops = base * times, base * 1e5
                rows.append(
                    {
                        'kind': 'kernel',
                        'what': what,
                        'problem': problem,
                        'variant': variant,
                        'isa': isa,
                        'algo': algo,
                        **timed(us, base),
                        'flops': flops,
                        'bytes': flops / 20,
                        'gflops': flops / us / 1e3,
                        'gflops_exact': flops / us / 1.1e3,
                        'peak_gflops': 110.0,
                        'percent_of_peak': flops / us / 1.1e3,
                        'percent_of_roof': 60.0,
                        'bound_by': 'FMA',
                        'times_scalar': 40 / times,
                        'times_onednn': 1.3 / times,
                        'error_of_bound': 0.1,
                        'auto': algo == 'winograd4',
                        'us_pack': 0.1,
                        'note': '',
                        'env': ENV,
                    }
                )
    return rows


def net_row(net, variant, us, what='train', batch=64, **more):
    isa, algo = variant.split('/')[:2]
    return {
        'kind': 'net',
        'net': net,
        'net_string': '1x28x28 dense10',
        'what': what,
        'batch': batch,
        'variant': variant,
        'isa': isa,
        'algo': algo,
        **timed(us, 1),
        'images_per_s': batch / us * 1e6,
        'scaling': 1.0,
        'bytes_parameters': 32280,
        'bytes_gradients': 32280,
        'bytes_optimizer': 64560,
        'bytes_activations': 9 * 10**6,
        'bytes_scratch': 10**6,
        'kib_total': 1e4,
        'env': ENV,
        **more,
    }


def net_rows():
    nets = ('compact-net/published', 'kernel-size/3x3', 'kernel-size/7x7', 'mnist-architectures/exp4')
    rows = [net_row(net, 'avx2/auto', 900.0 + 100 * i, what) for i, net in enumerate(nets) for what in ('train', 'infer')]
    rows += [net_row(net, 'avx2/auto', 500.0 + 60 * i, threads=2) for i, net in enumerate(nets)]
    rows += [net_row(net, 'avx2/auto/no-fuse', 1900.0, fuse=False) for net in nets]
    return rows + [net_row(nets[0], 'avx2/auto', 20.0 * batch**0.9, batch=batch) for batch in (1, 8, 32, 128)]


def peer_rows():
    rows = []
    for i, net in enumerate(('compact-net/published', 'kernel-size/3x3')):
        for what in ('train', 'infer'):
            rows.append(net_row(net, 'avx2/auto', 900.0, what))
            rows.append(net_row(net, 'peer/torch-eager', 5000.0 + i, what, note='PyTorch 9.9'))
            rows.append(net_row(net, 'peer/tensorflow-xla', 7000.0 + i, what, note='TensorFlow 9.9'))
    return rows


def profile_rows():
    parts = [('conv8same', '8x28x28'), ('relu', '8x28x28'), ('dense10', '10x1x1'), ('optimizer', ''), ('sum of the parts', '')]
    return [
        {
            'kind': 'profile',
            'net': 'compact-net/published',
            'net_string': '',
            'what': 'train',
            'batch': 64,
            'variant': 'avx2/auto',
            'isa': 'avx2',
            'algo': 'auto',
            'threads': 1,
            'pinned': True,
            'layer': i,
            'word': word,
            'out': out,
            'us_forward': 10.0 + i,
            'us_backward_data': 5.0,
            'us_backward_weights': 6.0,
            'us_other': 0.0,
            'us': 21.0 + i,
            'percent': 20.0,
            'gflops': None,
        }
        for i, (word, out) in enumerate(parts)
    ]


def memory_rows():
    nets, both = ('compact-net/published', 'kernel-size/3x3'), (('avx2/auto', 3 * 10**7), ('peer/torch-eager', 4 * 10**8))
    told = {'kind': 'memory', 'what': 'run', 'net_string': '', 'batch': 64, 'threads': 1, 'ok': True, 'note': 'PyTorch 9.9', 'env': ENV}
    return [{**told, 'net': net, 'variant': variant, 'peak_rss_bytes': peak} for net in nets for variant, peak in both]


def forced_rows():
    """The first CPU once more, held to portable C."""
    rows = [row for row in kernel_rows() if row['variant'] in ('avx2/direct', 'peer/autovec', 'peer/onednn')]
    portable = {'variant': 'portable/direct', 'isa': 'portable', 'percent_of_peak': None, 'peak_gflops': None, 'gflops': 2.5}
    return [{**row, **portable} if row['isa'] == 'avx2' else row for row in rows]


def runtime_rows():
    return [
        {
            'kind': 'runtime',
            'what': 'bandwidth',
            'problem': '',
            'variant': level,
            'threads': 1,
            'pinned': True,
            'ok': True,
            'read_gbs': gbs,
            'triad_gbs': gbs,
            'bytes': 1,
        }
        for level, gbs in (('L1', 300.0), ('L2', 150.0), ('L3', 90.0), ('DRAM', 15.0))
    ]


def write(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.writelines(row if isinstance(row, str) else json.dumps(row) + '\n' for row in rows)


def results(folder, seeds=3):
    """A whole results folder."""
    for study, rows in training_rows(seeds).items():
        write(os.path.join(folder, study + '.jsonl'), rows)
    machine = os.path.join(folder, 'made-up-9000-2026-01-02')
    for name, rows in (
        ('kernels', kernel_rows()),
        ('nets', net_rows()),
        ('peers', peer_rows()),
        ('profile', profile_rows()),
        ('memory', memory_rows()),
        ('runtime', runtime_rows()),
    ):
        write(os.path.join(machine, name + '.jsonl'), rows)
    other = {**ENV, 'cpu': 'Another 1'}
    write(os.path.join(folder, 'another-1-2026-01-03', 'kernels.jsonl'), [{**row, 'env': other} for row in kernel_rows()])
    write(os.path.join(folder, 'made-up-9000-portable-2026-01-04', 'kernels.jsonl'), forced_rows())


def pictures(folder):
    """Arrays as the programs' --pictures writes them."""
    import numpy
    from convgauge_report import pictures as drawn

    chance = numpy.random.default_rng(1)
    for study, cells in drawn.SHOWN.items():
        for cell in cells:
            at = os.path.join(folder, study, cell)
            os.makedirs(at)
            arrays = {
                '0.conv.weight': chance.normal(size=(8, 3, 3, 3 if cell == 'cifar-10' else 1)).astype('<f4'),
                'map-00-conv8same': chance.random((8, 28, 28), 'f4'),
                'sample': chance.random((1, 28, 28), 'f4'),
                'confusion': chance.integers(0, 30, (10, 10)).astype('<i4'),
                'wrong': chance.integers(0, 255, (30, 28, 28, 1)).astype('|u1'),
                'wrong-index-label-predicted': chance.integers(0, 10, (30, 3)).astype('<i4'),
            }
            for name, array in arrays.items():
                numpy.save(os.path.join(at, name + '.npy'), array)
            looks = {'gradient_rms': [[1.0 / (i + 1), 2.0] for i in range(100)], 'step_tensors': ['0.conv.weight', '3.dense.weight']}
            looks['update_rms'] = looks['gradient_rms'][1:]
            with open(os.path.join(at, 'looks.json'), 'w', encoding='utf-8') as file:
                json.dump(looks if study == 'vanishing-canvas' else {}, file)
    for name in ('mnist', 'fashion-mnist', 'cifar-10'):
        at, channels = os.path.join(folder, 'data-' + name), 3 if name == 'cifar-10' else 1
        os.makedirs(at)
        numpy.save(os.path.join(at, 'counts.npy'), numpy.full((2, 10), 1000, '<i4'))
        numpy.save(os.path.join(at, 'mean.npy'), chance.random((10, 28, 28, channels), 'f4'))
        numpy.save(os.path.join(at, 'sheet.npy'), chance.integers(0, 255, (10, 10, 28, 28, channels)).astype('|u1'))
