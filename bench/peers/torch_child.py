# SPDX-License-Identifier: MIT
"""PyTorch's side of tools/bench-peers: the net of modules as people write it. Modes: eager (nchw), channels_last, compile (Inductor, on
whichever of the two layouts is faster is left to it: it gets channels_last).

usage: torch_child.py NET RECIPE BATCH THREADS"""

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
        simple = {'bn': lambda: nn.BatchNorm2d(x.shape[1], float(o.get('eps', 1e-5)), float(o.get('mom', 0.1))), 'relu': nn.ReLU,
                  'leaky': lambda: nn.LeakyReLU(float(main)), 'tanh': nn.Tanh, 'drop': lambda: nn.Dropout(float(main)),
                  'gap': lambda: nn.AdaptiveAvgPool2d(1), 'add': lambda: Skip(int(main))}
        return simple[name]()

    @staticmethod
    def apply_layer(layer, places):
        if not isinstance(layer, Skip):
            return layer(places[-1])
        x = places[-1]
        return x + places[len(places) - layer.back][:, :, :x.shape[2], :x.shape[3]]

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


def main():
    text, recipe, batch, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)

    def make(mode, what):
        torch.manual_seed(1)
        net, loss_of = Net(text), nn.CrossEntropyLoss()
        x, labels = torch.rand(batch, *net.shape), torch.arange(batch) % net(torch.rand(2, *net.shape)).shape[1]
        if mode != 'eager':
            net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        net.train(what == 'train')
        run = torch.compile(net) if mode == 'compile' else net
        if what == 'infer':
            def infer():
                with torch.inference_mode():
                    run(x)
            return infer
        update = optimizer(recipe, net.parameters())

        def train():
            update.zero_grad(set_to_none=True)
            loss_of(run(x), labels).backward()
            update.step()
        return train

    child.serve(make)


if __name__ == '__main__':
    main()
