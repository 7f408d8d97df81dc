# SPDX-License-Identifier: MIT
"""Net and recipe strings in PyTorch, read anew from their grammar (nets/net.h, nets/train/recipe.h) and not through our parser;
safetensors files by hand. Used by tests/torch/parity.py."""

import json
import os
import struct
import sys

import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench', 'peers'))

from net_strings import padding, read_layer


def read_safetensors(path):
    """name -> float32 array."""
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = file.read()
    header.pop('__metadata__', None)
    return {
        name: numpy.frombuffer(data[t['data_offsets'][0] : t['data_offsets'][1]], '<f4').reshape(t['shape']) for name, t in header.items()
    }


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, value in tensors.items():
        header[name] = {'dtype': 'F32', 'shape': list(value.shape), 'data_offsets': [offset, offset + 4 * value.size]}
        offset += 4 * value.size
    text = json.dumps(header).encode()
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for value in tensors.values():
            file.write(value.astype('<f4').tobytes())


class Net:
    """A net string as a function of its parameters, a dict from our names to tensors in our layouts."""

    def __init__(self, text):
        first, *words = text.split()
        self.shape = tuple(int(extent) for extent in first.split('x'))  # C, H, W
        self.layers = [read_layer(word) for word in words]

    def __call__(self, p, x, masks=None):
        """Logits of x [N][H][W][C]. With masks (layer -> factors): training mode, running statistics in p are tracked in place. Masks may
        also say which tap each window of a max-pool takes ('tap.<layer>'), since of two nearly equal ones either may be the larger: how
        many were not PyTorch's own choice, and how far from it relatively, is noted in ties and furthest."""
        self.ties, self.furthest = 0, 0.0
        places = [x.permute(0, 3, 1, 2)]
        for i, (name, main, options) in enumerate(self.layers):
            x = places[-1]
            if name == 'add':
                skip = places[i + 1 - int(main)]
                x = x + skip[:, :, : x.shape[2], : x.shape[3]]
            else:
                x = getattr(self, '_' + name)(p, i, x, main, options, masks)
            places.append(x)
        return places[-1].flatten(1)

    @staticmethod
    def _window(main, o):
        r = int(main)
        return r, int(o.get('s', r)), int(o.get('step', r))

    def _conv(self, p, i, x, main, o, masks):
        weight = p[f'{i}.conv.weight'].permute(0, 3, 1, 2)
        r, s = weight.shape[2:]
        pads = (s // 2, s // 2, r // 2, r // 2) if 'same' in o else padding(o)
        return F.conv2d(F.pad(x, pads), weight, p.get(f'{i}.conv.bias'), stride=int(o.get('step', 1)))

    def _max(self, p, i, x, main, o, masks):
        r, s, step = self._window(main, o)
        x = F.pad(x, padding(o), value=float('-inf'))
        best = F.max_pool2d(x, (r, s), step)
        if masks is None or f'tap.{i}' not in masks:
            return best
        windows = x.unfold(2, r, step).unfold(3, s, step).flatten(4)
        taken = windows.gather(4, masks[f'tap.{i}'].permute(0, 3, 1, 2)[..., None])[..., 0]
        apart = (best - taken).detach()
        self.ties += int((apart > 0).sum())
        self.furthest = max(self.furthest, float((apart / best.detach().abs().clamp(min=1e-30)).max()))
        return taken

    def _avg(self, p, i, x, main, o, masks):
        r, s, step = self._window(main, o)
        total = F.avg_pool2d(F.pad(x, padding(o)), (r, s), step)
        if o.get('count') == '1':
            return total
        return total / F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), padding(o)), (r, s), step)

    def _gap(self, p, i, x, main, o, masks):
        return x.mean((2, 3), keepdim=True)

    def _dense(self, p, i, x, main, o, masks):
        y = F.linear(x.permute(0, 2, 3, 1).flatten(1), p[f'{i}.dense.weight'], p.get(f'{i}.dense.bias'))
        return y[:, :, None, None]

    def _bn(self, p, i, x, main, o, masks):
        names = ('running_mean', 'running_variance', 'gamma', 'beta')
        mean, variance, gamma, beta = (p[f'{i}.bn.{name}'] for name in names)
        return F.batch_norm(x, mean, variance, gamma, beta, masks is not None, float(o.get('mom', 0.1)), float(o.get('eps', 1e-5)))

    def _relu(self, p, i, x, main, o, masks):
        return F.relu(x)

    def _leaky(self, p, i, x, main, o, masks):
        return F.leaky_relu(x, float(main))

    def _tanh(self, p, i, x, main, o, masks):
        return torch.tanh(x)

    def _drop(self, p, i, x, main, o, masks):
        return x if masks is None else x * masks[i].permute(0, 3, 1, 2)


class KerasAdam(torch.optim.Optimizer):
    """Adam with Keras' eps, which PyTorch has not."""

    def __init__(self, parameters, lr, betas, eps):
        super().__init__(parameters, {'lr': lr, 'betas': betas, 'eps': eps})
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        for group in self.param_groups:
            b1, b2 = group['betas']
            size = group['lr'] * (1 - b2**self.t) ** 0.5 / (1 - b1**self.t)
            for w in group['params']:
                state = self.state[w]
                m = state.setdefault('m', torch.zeros_like(w)).mul_(b1).add_(w.grad, alpha=1 - b1)
                v = state.setdefault('v', torch.zeros_like(w)).mul_(b2).addcmul_(w.grad, w.grad, value=1 - b2)
                w.sub_(size * m / (v.sqrt() + group['eps']))


def make_optimizer(recipe, parameters):
    words = dict(word.split('=') for word in recipe.split())
    kind, lr, decay = words.get('opt', 'sgd'), float(words.get('lr', 0.01)), words.get('wd')
    if kind == 'sgd':
        return torch.optim.SGD(
            parameters, lr, float(words.get('momentum', 0)), weight_decay=float(decay or 0), nesterov=words.get('nesterov') == '1'
        )
    betas, eps = (float(words.get('beta1', 0.9)), float(words.get('beta2', 0.999))), float(words.get('eps', 1e-8))
    if words.get('epsform') == 'keras':
        assert decay is None
        return KerasAdam(parameters, lr, betas, eps)
    if kind == 'adam':
        return torch.optim.Adam(parameters, lr, betas, eps, float(decay or 0))
    return torch.optim.AdamW(parameters, lr, betas, eps, float(decay or 0.01))
