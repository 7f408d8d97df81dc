# SPDX-License-Identifier: MIT
"""The words of net strings, read anew from their grammar (nets/net.h) and not through our parser: for those who build the same nets in
another framework."""

import re

OPTIONS = {
    'conv': ('step', 'same', 'r', 's', 'pad', 'b'),
    'max': ('step', 's', 'pad'),
    'avg': ('step', 's', 'pad', 'count'),
    'gap': (),
    'dense': ('b',),
    'bn': ('eps', 'mom'),
    'relu': (),
    'leaky': (),
    'tanh': (),
    'drop': (),
    'add': (),
}
NUMBER = r'\d+(?:\.\d+)?(?:e-?\d+)?'


def read_layer(word):
    """(name, main number, options)"""
    name = next(name for name in OPTIONS if word.startswith(name))
    rest, options = word[len(name) :], {}
    main = re.match(NUMBER, rest)
    rest = rest[main.end() :] if main else rest
    while rest:
        key = next(key for key in OPTIONS[name] if rest.startswith(key))
        value = re.match('' if key == 'same' else r'\d+(?:,\d+)*' if key == 'pad' else NUMBER, rest[len(key) :]).group(0)
        options[key], rest = value, rest[len(key) + len(value) :]
    return name, main.group(0) if main else None, options


def padding(options):
    """left, right, top, bottom, as PyTorch's F.pad takes them; "same" is the caller's matter."""
    pads = [int(n) for n in options.get('pad', '0').split(',')]
    top, bottom, left, right = pads * 4 if len(pads) == 1 else pads
    return left, right, top, bottom
