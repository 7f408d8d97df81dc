# SPDX-License-Identifier: MIT
"""Writes the seed corpora: where each fuzz target starts from. Small files made here rather than kept as bytes, so that one can read what
they are.

usage: seeds.py FOLDER          (FOLDER/<target>/<name>, and their words as a dictionary, FOLDER/<target>.dict)"""

import gzip
import json
import lzma
import os
import re
import struct
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def strings(path):
    """The string literals of a source that stand alone between quotes."""
    with open(os.path.join(TOP, path), encoding='utf-8') as file:
        return re.findall(r'"((?:[^"\\\n])+)"', file.read())


def texts(path, pattern):
    found = sorted({text for text in strings(path) if re.match(pattern, text)})
    return {f'{os.path.basename(path)[:-2]}-{i}': text.encode() for i, text in enumerate(found)}


def net():
    """The strings of the tests, right and wrong ones, and one per word of the grammar."""
    pattern = r'\d+x\d+x\d+ '
    words = [
        '1x5x5 conv2',
        '3x7x5 conv2r2s3step2pad1,0,1,0b0 relu gap',
        '1x6x6 max2s3step1pad1 dense3',
        '1x6x6 avg3count1pad1 dense2b0',
        '2x4x4 bneps0.1mom1 leaky0.01 dense2',
        '1x4x4 conv1same add2 drop0.5 tanh gap',
        '1x4x4 conv2same relu add2 dense2',
    ]
    seeds = {f'word-{i}': word.encode() for i, word in enumerate(words)}
    for path in ('tests/suites/test_nets.c', 'tests/suites/test_gradient.c', 'nets/zoo/kernel_size.c'):
        seeds |= texts(path, pattern)
    return seeds


def recipe():
    seeds = texts('tests/suites/test_recipe.c', r'\w+=')
    seeds['all'] = (
        b'opt=adamw lr=0.01 wd=0.1 beta1=0.8 beta2=0.99 eps=1e-7 epsform=keras schedule=onecycle:0.25 warmup=3 batch=7 '
        b'epochs=2 updates=9 drop_last=1 init=he_normal norm=0.1,0.3 pad=32 channel=red permute=3 '
        b'augment=rotate:15,shift:2,cropresize:22:0.1 select=perclass:10 testselect=first:20'
    )
    seeds['sgd'] = b'opt=sgd lr=1 momentum=0.9 nesterov=1 wd=1e-4 schedule=step:15:0.1 bias=zero raw=1 select=split:55000'
    return seeds


def problem():
    return texts('tests/suites/test_problem.c', r'(max:|avg:|bn:|dense:)?n\d+c')


def idx_files():
    images = struct.pack('>4I', 0x803, 3, 2, 2) + bytes(range(12))
    labels = struct.pack('>2I', 0x801, 5) + bytes([0, 1, 2, 9, 255])
    huge = struct.pack('>4I', 0x803, 100000, 256, 256) + bytes(40)
    many = struct.pack('>2I', 0x801, 100000000) + bytes(40)
    return {
        'images': images,
        'labels': labels,
        'cut': images[:-3],
        'longer': labels + b'\0',
        'huge': huge,
        'many': many,
        'square': struct.pack('>4I', 0x803, 1, 28, 28) + bytes(784),
        'empty': struct.pack('>4I', 0x803, 0, 2, 2),
    }


def idx_gz():
    seeds = {name: gzip.compress(data, mtime=0) for name, data in idx_files().items()}
    seeds['two-members'] = gzip.compress(idx_files()['images'][:20], mtime=0) + gzip.compress(idx_files()['images'][20:], mtime=0)
    seeds['cut-gzip'] = seeds['square'][:-6]
    seeds['not-gzip'] = idx_files()['images']
    return seeds


def cifar():
    """No whole file of 30 MB: it would be most of the time."""
    record = bytes([7]) + bytes(range(256)) * 12
    seeds = {
        'plain': b'\0' + record,
        'packed': b'\1' + lzma.compress(record),
        'alone': b'\1' + lzma.compress(record, format=lzma.FORMAT_ALONE),
    }
    seeds['cut'] = seeds['packed'][:-9]
    seeds['followed'] = seeds['packed'] + b'\0\0\0\0'
    return seeds


def safetensors(tensors, metadata, changes=None):
    """The format by hand: tensors are name -> shape, all of ones."""
    header, offset, data = {'__metadata__': metadata}, 0, b''
    for name, shape in tensors.items():
        count = 1
        for extent in shape:
            count *= extent
        header[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [offset, offset + 4 * count]}
        offset += 4 * count
        data += struct.pack('<f', 1.0) * count
    header.update(changes or {})
    text = json.dumps(header, separators=(',', ':')).encode()
    return struct.pack('<Q', len(text)) + text + data


def checkpoint():
    weights = {'0.conv.weight': [2, 3, 3, 1], '1.bn.gamma': [2], '1.bn.beta': [2], '3.dense.weight': [3, 8], '3.dense.bias': [3]}
    tensors = weights | {'1.bn.running_mean': [2], '1.bn.running_variance': [2]}
    state = {'optimizer.0.' + name: shape for name, shape in weights.items()}
    curves = {'history.' + name: [1] for name in ('test_acc', 'test_loss', 'train_acc_running', 'train_loss')}
    at = {
        'net': '1x4x4 conv2b0 bn relu dense3',
        'recipe': 'opt=sgd lr=0.01 momentum=0.9 batch=4 epochs=3',
        'data_sha256': 'toy',
        'seed': '5',
        'epoch': '1',
        'step': '4',
        'running_seen': '4',
        'running_right': '2',
        'running_loss': '1.5',
        'images': '16',
        'seconds': '0.5',
        'best_test_acc': '50',
    }
    largest = at | {'running_seen': str(2**63 - 1), 'running_right': str(2**63 - 1), 'images': str(2**63 - 1), 'seconds': '1e308'}
    wrong = {'0.conv.weight': {'dtype': 'F16', 'shape': [2, 3, 3, 1], 'data_offsets': [0, 36]}}
    beyond = {'3.dense.bias': {'dtype': 'F32', 'shape': [3], 'data_offsets': [1 << 40, (1 << 40) + 12]}}
    return {
        'whole': safetensors(tensors | state | curves, at),
        'weights': safetensors(tensors, {'format': 'pt'}),
        'largest': safetensors(tensors | state | curves, largest),
        'end': safetensors(tensors | state | curves, at | {'step': '9'}),
        'type': safetensors(tensors, {}, wrong),
        'beyond': safetensors(tensors, {}, beyond),
        'few': safetensors(weights, {}),
        'last-epoch': safetensors(tensors | state | {name: [1000] for name in curves}, at | {'epoch': '1000', 'step': '9'}),
    }


def rows():
    row = {
        'id': '0' * 64,
        'kind': 'accuracy',
        'study': 'compact-net',
        'cell': 'published',
        'arm': '',
        'seed': 3,
        'net': '1x28x28 dense10',
        'isa': 'avx2',
        'threads': 1,
        'quiet': False,
        'test_acc': 99.3,
        'best_test_acc': 99.4,
        'train_acc': None,
        'test_loss': 0.02,
        'seconds': 12.5,
        'bytes_parameters': 1,
        'bytes_gradients': 2,
        'bytes_optimizer': 3,
        'bytes_activations': 4,
        'bytes_scratch': 5,
    }
    line = json.dumps(row).encode()
    small = b'{"id":"' + b'1' * 64 + b'","net":"1x1x1 dense2"}'
    return {
        'one': line + b'\n',
        'two': line + b'\n' + small + b'\n',
        'torn': line + b'\n' + line[:100],
        'empty': b'',
        'blank': b'\n\n',
        'no-row': b'{"id":7}\n[1]\nnull\n' + small,
        'zero': b'\0' + small + b'\n',
        'twice': b'{"id":"a","id":"b","net":""}\n',
        'deep': b'[' * 3000 + b'\n',
    }


def merge():
    seeds = rows()
    one, two = seeds['one'], seeds['two']
    other = one.replace(b'"seed": 3', b'"seed": 4').replace(b'0' * 64, b'2' * 64)
    both = {'same': (one, one), 'two': (one, other), 'conflict': (one, one.replace(b'99.3', b'12.5')), 'torn': (seeds['torn'], two)}
    both['timing'] = (one.replace(b'accuracy', b'timing'), other)
    return {name: a + b'MERGE\n' + b for name, (a, b) in both.items()}


def report():
    """Rows of the six runs that fuzz_report.c knows."""
    one = rows()['one']
    runs = [one.replace(b'0' * 64, letter * 64) for letter in (b'a', b'b', b'c', b'd', b'e', b'f')]
    odd = [b'1e308', b'-1', b'null', b'1e999', b'"x"', b'0']
    return {
        'all': b''.join(runs),
        'one': runs[0],
        'arm': b''.join(runs[2:4]),
        'odd': b''.join(run.replace(b'99.3', number) for run, number in zip(runs, odd, strict=True)),
        'diverged': runs[0] + runs[1].replace(b'99.3', b'null, "diverged_at_update": 7, "not_finite": {"test_acc": "nan"}'),
    }


TARGETS = {
    'idx': idx_files,
    'idx_gz': idx_gz,
    'cifar': cifar,
    'checkpoint': checkpoint,
    'merge': merge,
    'report': report,
    'net': net,
    'problem': problem,
    'rows': rows,
    'recipe': recipe,
}
PACKED = ('idx', 'idx_gz', 'cifar')  # no words in there


def dictionary(seeds):
    """Words of letters, with the sign that follows, and JSON's strings: one a line, as libFuzzer reads them."""
    words = set()
    for data in seeds.values():
        words |= set(re.findall(rb'[a-z_]{2,20}[=:]?', data)) | set(re.findall(rb'"[\w.]{2,40}"', data))
    return b''.join(b'"' + word.replace(b'"', b'\\"') + b'"\n' for word in sorted(words))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, make in TARGETS.items():
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        seeds = make()
        if target not in PACKED:
            with open(folder + '.dict', 'wb') as file:
                file.write(dictionary(seeds))
        for name, data in seeds.items():
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(data)


if __name__ == '__main__':
    main()
