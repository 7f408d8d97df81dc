# SPDX-License-Identifier: MIT
"""PyTorch's side of bench-peers: the net of modules as people write it. Modes: eager (nchw), channels_last, compile (Inductor on
net and loss in one graph and channels_last, which was faster than nchw or the net alone), and each of them with -bf16: autocast around
net and loss, weights in float32. A compile that compiled nothing is an error. Allocators are the parent's to preload.

usage: torch_child.py NET RECIPE BATCH THREADS"""

import gzip
import os
import sys

import child
import torch
from net_strings import padding, read_layer
from torch import nn


class Skip(nn.Module):
    """Adds an earlier output, cropped."""

    def __init__(self, back):
        super().__init__()
        self.back = back


class FlatDense(nn.Module):
    def __init__(self, inputs, outputs, bias):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias)

    def forward(self, x):
        return self.linear(x.flatten(1))


class Net(nn.Module):
    def __init__(self, text):
        super().__init__()
        first, *words = text.split()
        self.shape = tuple(int(extent) for extent in first.split('x'))
        self.layers = nn.ModuleList()
        x = torch.zeros(2, *self.shape)
        places = [x]
        for word in words:
            layer = self.build(places[-1], *read_layer(word))
            self.layers.append(layer)
            places.append(self.apply_layer(layer, places))

    @staticmethod
    def build(x, name, main, o):
        step, bias = int(o.get('step', 1)), o.get('b') != '0'
        left, right, top, bottom = padding(o)
        even = (top, left) if (left, top) == (right, bottom) else None
        if name == 'conv':
            r = int(o.get('r', 3))
            s = int(o.get('s', r))
            pads = (r // 2, s // 2) if 'same' in o else even
            conv = nn.Conv2d(x.shape[1], int(main), (r, s), step, pads or 0, bias=bias)
            return conv if pads is not None else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), conv)
        if name in ('max', 'avg'):
            r = int(main)
            window, step = (r, int(o.get('s', r))), int(o.get('step', r))
            if even is None or max(even) * 2 > r:
                raise ValueError('no such padding in its pooling')
            return nn.MaxPool2d(window, step, even) if name == 'max' else nn.AvgPool2d(window, step, even, count_include_pad='count' in o)
        if name == 'dense':
            return FlatDense(x[0].numel(), int(main), bias)
        simple = {
            'bn': lambda: nn.BatchNorm2d(x.shape[1], float(o.get('eps', 1e-5)), float(o.get('mom', 0.1))),
            'relu': nn.ReLU,
            'leaky': lambda: nn.LeakyReLU(float(main)),
            'tanh': nn.Tanh,
            'drop': lambda: nn.Dropout(float(main)),
            'gap': lambda: nn.AdaptiveAvgPool2d(1),
            'add': lambda: Skip(int(main)),
        }
        return simple[name]()

    @staticmethod
    def apply_layer(layer, places):
        if not isinstance(layer, Skip):
            return layer(places[-1])
        x = places[-1]
        return x + places[len(places) - layer.back][:, :, : x.shape[2], : x.shape[3]]

    def forward(self, x):
        places = [x]
        for layer in self.layers:
            places.append(self.apply_layer(layer, places))
        return places[-1].flatten(1)


def optimizer(recipe, parameters):
    """Of the recipe's kind, in PyTorch's fastest form."""
    words = dict(word.split('=') for word in recipe.split() if '=' in word)
    decay = float(words.get('wd', 0))
    if words.get('opt', 'sgd') == 'sgd':
        return torch.optim.SGD(parameters, 1e-6, float(words.get('momentum', 0)), weight_decay=decay, fused=True)
    kind = torch.optim.Adam if words['opt'] == 'adam' else torch.optim.AdamW
    return kind(parameters, 1e-6, weight_decay=decay, fused=True)


def proven(step):
    """The step, after a first call that must have given Inductor a whole graph."""
    counters = torch._dynamo.utils.counters
    counters.clear()
    step()
    if counters['graph_break'] or not counters['stats'].get('unique_graphs'):
        raise RuntimeError('torch.compile did not take the whole step')
    return step


def read_idx(path, header):
    with gzip.open(path + '.gz') if os.path.exists(path + '.gz') else open(path, 'rb') as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8, offset=header)


def short_run(folder, net, recipe, batch):
    """Eight updates and eight batches of the test set; both sets lie in memory as bytes. Its peak does not grow with more of them."""
    sets = {}
    for which in ('train', 't10k'):
        sets[which] = (
            read_idx(os.path.join(folder, which + '-images-idx3-ubyte'), 16).view(-1, 1, 28, 28),
            read_idx(os.path.join(folder, which + '-labels-idx1-ubyte'), 8),
        )
    pad = (net.shape[1] - 28) // 2
    update, loss_of = optimizer(recipe, net.parameters()), nn.CrossEntropyLoss()

    def take(which, at):
        images, labels = sets[which]
        at %= len(images) - batch + 1
        return nn.functional.pad(images[at : at + batch].float() / 255, (pad,) * 4), labels[at : at + batch].long()

    for i in range(8):
        x, labels = take('train', i * batch)
        update.zero_grad(set_to_none=True)
        loss_of(net(x), labels).backward()
        update.step()
    net.eval()
    with torch.inference_mode():
        for at in range(0, 8 * batch, batch):
            net(take('t10k', at)[0])


def main():
    text, recipe, batch, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)

    def make(mode, what):
        kind, bf16 = mode.split('-')[0], mode.endswith('-bf16')
        cast = torch.autocast('cpu', torch.bfloat16, enabled=bf16)
        torch.manual_seed(1)
        net, loss_of = Net(text), nn.CrossEntropyLoss()
        x, labels = torch.rand(batch, *net.shape), torch.arange(batch) % net(torch.rand(2, *net.shape)).shape[1]
        if kind != 'eager':
            net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        net.train(what == 'train')
        if what == 'infer':
            run = torch.compile(net) if kind == 'compile' else net

            def infer():
                with torch.inference_mode(), cast:
                    run(x)

            return proven(infer) if kind == 'compile' else infer
        update = optimizer(recipe, net.parameters())

        def loss():
            with cast:
                return loss_of(net(x), labels)

        run = torch.compile(loss) if kind == 'compile' else loss

        def train():
            update.zero_grad(set_to_none=True)
            run().backward()
            update.step()

        return proven(train) if kind == 'compile' else train

    child.serve(make, lambda folder: short_run(folder, Net(text), recipe, batch))


if __name__ == '__main__':
    main()
