# SPDX-License-Identifier: MIT
"""What a trained net looks like. Programs write arrays (--pictures DIR, seed 0); `pack` makes of those that the page shows what is
committed in results/pictures/: small 8-bit PNGs, side by side in a grid, and one JSON with the
numbers. The page embeds these bytes as they are."""

import base64
import json
import os
import re
import struct
import zlib

import numpy

from . import plot
from . import rows as files
from .figure import Figure, Missing, curves, matrix, table_of
from .studies import vanishing_canvas

SHOWN = {
    'compact-net': ('published',),
    'kernel-size': ('dense', '3x3', '5x5', '7x7'),
    'mnist-architectures': ('exp4', 'exp5'),
    'scratch-cnn': ('mnist', 'fashion-mnist', 'cifar-10'),
    'vanishing-canvas': ('d9', 'd10'),
}
WRONG_SHOWN, EACH_SHOWN, MAPS_SHOWN, FILTERS_WIDE = 20, 6, 64, 16
DRAWS = {  # what draws a data set first
    'mnist': 'compact-net --filter compact-net/published',
    'fashion-mnist': 'kernel-size --filter kernel-size/dense',
    'cifar-10': 'scratch-cnn --filter scratch-cnn/cifar-10',
}
DRAW_INTO = ' --pictures results/local/pictures'
CLASSES = {
    'fashion-mnist': ('T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot'),
    'cifar-10': ('plane', 'car', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'),
}


def class_names(data, n=10):
    return CLASSES.get(data, tuple(map(str, range(n))))


# ---- packing -------------------------------------------------------------------------------------------------------------------


def png(image):
    """uint8 [h][w] or [h][w][3] as PNG."""
    h, w = image.shape[:2]
    raw = b''.join(b'\0' + image[y].tobytes() for y in range(h))

    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', w, h, 8, 2 if image.ndim == 3 else 0, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(raw, 9)) + chunk(b'IEND', b'')


def bytes_of(array):
    """To 0 … 255; signed values keep zero in the middle."""
    array = array.astype(numpy.float64)
    low, high = float(array.min()), float(array.max())
    if low < 0:
        low, high = -max(-low, high), max(-low, high)
    return ((array - low) / ((high - low) or 1) * 255).round().astype(numpy.uint8)


def grid(tiles, columns, gap=1):
    """Images [n][h][w] or [n][h][w][3] in a grid."""
    n, h, w = tiles.shape[:3]
    lines = -(-n // columns)
    sheet = numpy.full((lines * (h + gap) - gap, columns * (w + gap) - gap) + tiles.shape[3:], 128, numpy.uint8)
    for i in range(n):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        sheet[y : y + h, x : x + w] = tiles[i]
    return sheet


def pack_net(source, target):
    told, names = {'maps': []}, sorted(os.listdir(source))
    load = {name: numpy.load(os.path.join(source, name)) for name in names if name.endswith('.npy')}
    first = sorted((name for name in load if name.endswith('.conv.weight.npy')), key=lambda name: int(name.split('.')[0]))
    if first and load[first[0]].shape[3] in (1, 3):  # [K][R][S][C], grey or in colour; more channels make no picture
        weights = bytes_of(load[first[0]])
        weights = weights[..., 0] if weights.shape[3] == 1 else weights
        files.write(os.path.join(target, 'filters.png'), png(grid(numpy.ascontiguousarray(weights), min(FILTERS_WIDE, len(weights)))))
        told['filters'] = list(weights.shape[:3])
    for name in names:
        hit = re.fullmatch(r'map-(\d+)-(.*)\.npy', name)
        if hit and load[name].shape[1] >= 4:
            maps = numpy.stack([bytes_of(one) for one in load[name][:MAPS_SHOWN]])
            files.write(os.path.join(target, f'maps-{hit[1]}.png'), png(grid(maps, 16 if len(maps) > 8 else 8)))
            told['maps'].append({'file': f'maps-{hit[1]}.png', 'layer': hit[2], 'shape': list(load[name].shape), 'shown': len(maps)})
    if 'sample.npy' in load:
        sample = bytes_of(load['sample.npy'])
        files.write(os.path.join(target, 'sample.png'), png(sample[0] if len(sample) == 1 else numpy.moveaxis(sample, 0, -1)))
    if 'confusion.npy' in load:
        told['confusion'] = load['confusion.npy'].tolist()
    if 'wrong.npy' in load and len(load['wrong.npy']):
        wrong = load['wrong.npy'][:WRONG_SHOWN]
        wrong = wrong[..., 0] if wrong.shape[-1] == 1 else wrong
        files.write(os.path.join(target, 'wrong.png'), png(grid(numpy.ascontiguousarray(wrong), 10)))
        told['wrong'] = load['wrong-index-label-predicted.npy'][:WRONG_SHOWN].tolist()
    with open(os.path.join(source, 'looks.json'), encoding='utf-8') as file:
        looks = files.strict(file.read())
    for key in ('gradient_rms', 'update_rms', 'step_tensors'):
        if key in looks:
            told[key] = looks[key]
    files.write(os.path.join(target, 'picture.json'), json.dumps(told, sort_keys=True) + '\n')


def pack_data(source, target):
    load = {name: numpy.load(os.path.join(source, name + '.npy')) for name in ('counts', 'mean', 'sheet')}
    sheet, mean = load['sheet'][:, :EACH_SHOWN], bytes_of(load['mean'])
    sheet = sheet.reshape(-1, *sheet.shape[2:])
    if sheet.shape[-1] == 1:
        sheet, mean = sheet[..., 0], mean[..., 0]
    files.write(os.path.join(target, 'sheet.png'), png(grid(numpy.ascontiguousarray(sheet), EACH_SHOWN * 2)))
    files.write(os.path.join(target, 'mean.png'), png(grid(mean, 10)))
    files.write(os.path.join(target, 'overview.json'), json.dumps({'counts': load['counts'].tolist()}) + '\n')


def pack(source, target):
    """Arrays into what is committed; returns what was packed."""
    done = []
    if not os.path.isdir(source):
        raise files.Bad(f'{source}: no such folder; programs write it with --pictures', 2)
    for study, cells in SHOWN.items():
        for cell in cells:
            at = os.path.join(source, study, cell)
            if os.path.exists(os.path.join(at, 'looks.json')):
                pack_net(at, os.path.join(target, study, cell))
                done.append(f'{study}/{cell}')
    for name in sorted(os.listdir(source)):
        if name.startswith('data-') and os.path.exists(os.path.join(source, name, 'sheet.npy')):
            pack_data(os.path.join(source, name), os.path.join(target, name))
            done.append(name)
    return done


# ---- showing -------------------------------------------------------------------------------------------------------------------


class Pictures:
    """The committed ones of a results folder."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, 'pictures')

    def path(self, *where):
        return os.path.join(self.folder, *where, 'overview.json' if where[0].startswith('data-') else 'picture.json')

    def told(self, *where):
        path = self.path(*where)
        if not os.path.exists(path):
            return None
        with open(path, encoding='utf-8') as file:
            return files.strict(file.read())

    def image(self, alt, width, *where):
        path = os.path.join(self.folder, *where)
        if not os.path.exists(path):
            return ''
        with open(path, 'rb') as file:
            data = base64.b64encode(file.read()).decode()
        return f'<img class="pixels" alt="{alt}" style="width:{width}px" src="data:image/png;base64,{data}">'


def tiles(parts):
    return (
        '<div class="tiles">'
        + ''.join(f'<figure>{image}<figcaption>{words}</figcaption></figure>' for image, words in parts if image)
        + '</div>'
    )


def confusion(pictures, study, cell, data):
    name, told = f'{study}-{cell}-confusion', pictures.told(study, cell)
    if not told or 'confusion' not in told:
        return Missing(name, f'What {cell} takes for what', 'no pictures yet', f'{study} --filter {study}/{cell}{DRAW_INTO}')
    counts, names = told['confusion'], class_names(data)
    errors = sorted(((counts[i][j], i, j) for i in range(len(counts)) for j in range(len(counts)) if i != j), reverse=True)
    wrong = sum(count for count, *_ in errors)
    worst = errors[0]
    title = f'{study}/{cell}: {wrong:,} of {sum(map(sum, counts)):,} test images are misclassified, '
    title += f'most often {names[worst[1]]} as {names[worst[2]]} ({worst[0]})'
    table = table_of(
        name, title, [('is', 'is')] + [(other, f'as {other}') for other in names], [(names[i], *counts[i]) for i in range(len(counts))]
    )
    return Figure(
        name,
        title,
        matrix(counts, names),
        table,
        f'Seed 0 of {study}/{cell} on {data}, test set. Correct ones are on the diagonal.',
        f'{study} --filter {study}/{cell}{DRAW_INTO}',
        files=[pictures.path(study, cell)],
    )


def inside(pictures, study, cell, data):
    """Filters of the first layer and maps of one test image."""
    name, told = f'{study}-{cell}-inside', pictures.told(study, cell)
    how = f'{study} --filter {study}/{cell}{DRAW_INTO}'
    if not told or not (told['maps'] or told.get('filters')):
        return Missing(name, f'What {cell} has learned', 'no pictures yet', how)
    parts = [(pictures.image('the test image', 84, study, cell, 'sample.png'), 'test image 0')]
    if told.get('filters'):
        count, r, s = told['filters']
        parts.append(
            (
                pictures.image(f'{count} filters of {r} by {s}', min(448, 44 * count), study, cell, 'filters.png'),
                f'{count} filters of the first layer, {r}×{s}; mid grey is zero',
            )
        )
    parts += [
        (
            pictures.image(f'{one["shown"]} maps after {one["layer"]}', 448, study, cell, one['file']),
            f'{one["layer"]}: {one["shown"]} of {one["shape"][0]} maps, {one["shape"][1]}×{one["shape"][2]}',
        )
        for one in told['maps']
    ]
    title = f'What {study}/{cell} has learned: its filters, and the feature maps of one image'
    table = table_of(
        name,
        title,
        [('layer', 'layer'), ('maps', 'maps'), ('size', 'size')],
        [(one['layer'], one['shape'][0], f'{one["shape"][1]}×{one["shape"][2]}') for one in told['maps']],
    )
    words, files_of = f'Seed 0 of {study}/{cell} on {data}, trained.', [pictures.path(study, cell)]
    return Figure(name, title, None, table, words, how, html=tiles(parts), files=files_of)


def misclassified(pictures, study, cell, data):
    name, told = f'{study}-{cell}-wrong', pictures.told(study, cell)
    how = f'{study} --filter {study}/{cell}{DRAW_INTO}'
    if not told or not told.get('wrong'):
        return Missing(name, f'Images that {cell} takes for something else', 'no pictures yet', how)
    names = class_names(data)
    words = ', '.join(f'{names[label]}→{names[guess]}' for _, label, guess in told['wrong'])
    title = f'The first {len(told["wrong"])} test images that {study}/{cell} gets wrong'
    table = table_of(
        name,
        title,
        [('image', 'test image'), ('is', 'is'), ('taken', 'classified as')],
        [(str(i), names[label], names[guess]) for i, label, guess in told['wrong']],
    )
    return Figure(
        name,
        title,
        None,
        table,
        f'Seed 0 of {study}/{cell} on {data}; line by line: {words}.',
        how,
        html=tiles([(pictures.image(f'{len(told["wrong"])} misclassified images', 480, study, cell, 'wrong.png'), '')]),
        files=[pictures.path(study, cell)],
    )


def few(counts):
    return f'{min(counts):,}' + (f' to {max(counts):,}' if max(counts) > min(counts) else '')


def overview(pictures, data):
    name, told = f'data-{data}', pictures.told(f'data-{data}')
    if not told:
        return Missing(name, f'The data: {data}', 'no pictures yet', DRAWS[data] + DRAW_INTO)
    names, (train, test) = class_names(data), told['counts']
    title = f'{data}: {sum(train):,} training and {sum(test):,} test images, {few(train)} a class'
    parts = [
        (pictures.image(f'samples of {data}', 560, f'data-{data}', 'sheet.png'), f'{EACH_SHOWN} training images of each class'),
        (pictures.image(f'mean images of {data}', 400, f'data-{data}', 'mean.png'), 'the mean image of each class'),
    ]
    table = table_of(name, title, [('class', 'class'), ('train', 'training'), ('test', 'test')], list(zip(names, train, test)))
    return Figure(
        name,
        title,
        None,
        table,
        f'Classes in order: {", ".join(names)}.',
        DRAWS[data] + DRAW_INTO,
        html=tiles(parts),
        files=[pictures.path(f'data-{data}')],
    )


def gradients(pictures):
    """The article's question whether gradients vanish: their rms, update by update, in the first and last trained tensor."""
    name, how = 'vanishing-canvas-gradients', 'vanishing-canvas' + DRAW_INTO
    series, lines, first = [], [], []
    for cell, colours in (('d9', (plot.BLUE, plot.GREEN)), ('d10', (plot.ORANGE, plot.PURPLE))):
        told = pictures.told('vanishing-canvas', cell)
        if not told or not told.get('gradient_rms'):
            continue
        tensors = told['step_tensors']
        first.append((vanishing_canvas.outcome(cell, told), *(told['gradient_rms'][at][0] for at in (0, 9))))
        for i, colour in zip((0, len(tensors) - 1), colours):
            values = [step[i] or 1e-12 for step in told['gradient_rms']]
            label = f'{cell[1:]} layers, {"first conv" if i == 0 else "dense"}'
            series.append((label, list(range(1, len(values) + 1)), values, None, None, colour, False))
            lines += [(label, at, values[at - 1]) for at in (1, 10, 30, 100) if at <= len(values)]
    if not series:
        return Missing(name, 'Do gradients vanish?', 'no pictures yet', how)
    title = "The first layer's gradient from update 1 to update 10: " + '; '.join(f'{a:.2g} to {b:.2g} ({run})' for run, a, b in first)
    table = table_of(name, title, [('tensor', 'tensor'), ('update', 'update'), ('rms', 'rms of the gradient', 6)], lines)
    return Figure(
        name,
        title,
        curves(series, 'update', 'rms of the gradient', log=True, width=520),
        table,
        "Seed 0 of the article's own runs at 9 and 10 layers, MNIST. Which of the two depths fails depends on the seed: see the shares of "
        'runs that fail.',
        how,
        files=[pictures.path('vanishing-canvas', cell) for cell in ('d9', 'd10') if pictures.told('vanishing-canvas', cell)],
    )


def for_study(pictures, name):
    if name == 'vanishing-canvas':
        return [gradients(pictures), vanishing_canvas.gradient_steps(pictures), overview(pictures, 'mnist')]
    if name == 'mnist-architectures':
        return [confusion(pictures, name, 'exp5', 'mnist'), misclassified(pictures, name, 'exp5', 'mnist')]
    if name == 'scratch-cnn':
        return [confusion(pictures, name, 'cifar-10', 'cifar-10'), overview(pictures, 'cifar-10')]
    if name == 'kernel-size':
        return [
            inside(pictures, name, '3x3', 'fashion-mnist'),
            inside(pictures, name, '7x7', 'fashion-mnist'),
            confusion(pictures, name, '3x3', 'fashion-mnist'),
            misclassified(pictures, name, '3x3', 'fashion-mnist'),
            overview(pictures, 'fashion-mnist'),
        ]
    return [
        inside(pictures, name, 'published', 'mnist'),
        confusion(pictures, name, 'published', 'mnist'),
        misclassified(pictures, name, 'published', 'mnist'),
    ]
