# SPDX-License-Identifier: MIT
"""Does PyTorch compute what we compute? Same weights, same batches, same dropout masks (written by tests/torch/parity.c): logits, losses,
all gradients and batch norm's statistics of all zoo nets and of random ones; the weights after 20 steps of each optimizer on the same
gradients; the accuracy of nets that one side trained and the other evaluates. The measure is PyTorch in float64: our worst relative
distance from it among a net's tensors may be a factor times the worst of PyTorch's own float32, or a floor where that one is lucky. In
bf16 all zoo nets make one pass again, beside PyTorch's autocast. Run by tools/dev/check-torch.

usage: parity.py BIN WORK           (folder of our programs; an empty folder)"""

import os
import random
import statistics
import subprocess
import sys
from collections import namedtuple

import numpy
import torch
import torch.nn.functional as F
from torch_nets import Net, make_optimizer, read_safetensors, write_safetensors

BIN, WORK = sys.argv[1:3] if len(sys.argv) == 3 else sys.exit(__doc__)
# A precision: what a recipe says for it, and what is allowed of our distance: a factor of PyTorch's, a floor, and that of what is nothing
# beside the largest gradient. In bf16 floors are the rounding of a single number, and which of a window's values is the largest is for
# each side to say: PyTorch's autocast rounds weights' gradients and logits, too, so that ours should be nearer.
Precision = namedtuple('Precision', 'name words factor floor near')
FLOAT32, BF16 = Precision('float32', '', 4, 2e-6, 1e-5), Precision('bf16', ' precision=bf16', 2, 2**-8, 2**-8)
NOTHING = 1e-13  # a gradient that is zero but for float64's rounding
IMAGES, STEPS, RANDOM_NETS = 17, 20, 36  # a full block of sixteen and a nearly dead one
KINDS = ('logits', 'losses', 'gradient', 'tracked', 'inference')
OPTIMIZERS = (
    'opt=sgd lr=0.01',
    'opt=sgd lr=0.01 momentum=0.9',
    'opt=sgd lr=0.01 momentum=0.9 nesterov=1 wd=0.001',
    'opt=adam lr=0.001',
    'opt=adam lr=0.001 beta1=0.8 beta2=0.99 eps=1e-06 wd=0.01',
    'opt=adam lr=0.001 eps=1e-07 epsform=keras',
    'opt=adamw lr=0.001 wd=0.1',
)
OPTIMIZER_NETS = ('compact-net/published', 'kernel-size/dense', 'mnist-architectures/exp1b', 'scratch-cnn/mnist')


class Score:
    def __init__(self):
        self.passed = self.failed = self.ties = self.nothing = 0
        self.worst, self.ratios = {}, {}  # precision, kind -> ours, PyTorch's there, the net; all of ours over PyTorch's

    def check(self, good, words):
        self.passed += good
        self.failed += not good
        if not good:
            print('FAIL  ' + words, flush=True)
        return good

    def tell(self, precision):
        for kind in KINDS:
            mine, its, where = self.worst.get((precision, kind), (0.0, 0.0, '-'))
            ratio = statistics.median(self.ratios.get((precision, kind), [1.0]))
            print(
                f'note    {kind:10} {mine:.1e} (PyTorch there {its:.1e}; ours over PyTorch, median of nets {ratio:.2f})  {where}',
                flush=True,
            )


def ours(*arguments):
    run = subprocess.run([os.path.join(BIN, 'parity'), *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        raise ValueError(run.stderr.strip())
    return run.stdout


def zoo():
    """cell -> net string"""
    lines = subprocess.run([os.path.join(BIN, 'train'), '--list'], capture_output=True, text=True, check=True).stdout.splitlines()
    return {lines[i]: lines[i + 1].split(None, 1)[1] for i in range(0, len(lines), 4)}


def norm(x):
    return float(numpy.linalg.norm(numpy.asarray(x, numpy.float64)))


def distance(a, b):
    """Of a from b, relative."""
    apart, size = norm(numpy.asarray(a, numpy.float64) - b), norm(b)
    return apart / size if size > 0 else apart


# ---- random nets ---------------------------------------------------------------------------------------------------------------------


def random_net(draw):
    words = [f'{draw.randint(1, 3)}x{draw.randint(7, 14)}x{draw.randint(7, 14)}']
    for _ in range(draw.randint(1, 4)):
        r, s = draw.choice((1, 2, 3, 3, 5)), draw.choice((0, 0, 0, 2, 3))
        high, wide = r, s or r
        four = ','.join(str(draw.randint(0, extent - 1)) for extent in (high, high, wide, wide))
        same = 'same' if high % 2 and wide % 2 and (high > 1 or wide > 1) else ''
        pads = draw.choice(('', '', same, f'pad{draw.randint(0, min(high, wide) - 1)}', 'pad' + four))
        words.append(
            f'conv{draw.randint(1, 9)}r{r}'
            + (f's{s}' if s else '')
            + draw.choice(('', '', '', 'step2'))
            + pads
            + draw.choice(('', '', 'b0'))
        )
        words += draw.choice(([], ['bn'], ['bneps0.001mom0.3']))
        words += draw.choice(([], ['relu'], ['relu'], ['leaky0.1'], ['tanh']))
        words += draw.choice(([], [], ['max2'], ['max3step1pad1'], ['avg2'], ['avg3step2pad1'], ['avg3step2pad1count1'], ['max2s3step1']))
        words += draw.choice(([], [], ['drop0.2'], ['drop0.5']))
        words += draw.choice(([], [], [f'add{draw.randint(2, 4)}']))
    words += draw.choice((['dense6', 'tanh', 'dense4'], ['dense5'], ['gap'], ['gap', 'dense3b0'], ['dense4', 'bn']))
    return ' '.join(words)


# ---- one net, one recipe -------------------------------------------------------------------------------------------------------------


def trained_names(tensors):
    return [name for name in tensors if name[0].isdigit() and 'running' not in name]


def theirs(net, given, dtype, autocast=False, taps=True):
    """What PyTorch makes of the same numbers in one pass: like `given`, results alone. With taps, max-pools take what ours took."""
    p = {name: torch.tensor(value, dtype=dtype) for name, value in given.items() if name[0].isdigit()}
    trained = trained_names(p)
    for name in trained:
        p[name].requires_grad_()
    x = torch.tensor(given['x.0'], dtype=dtype)
    masks = {i: torch.tensor(given[f'mask.0.{i}'], dtype=dtype) for i, layer in enumerate(net.layers) if layer[0] == 'drop'}
    pools = [i for i, layer in enumerate(net.layers) if layer[0] == 'max' and taps]
    masks |= {f'tap.{i}': torch.tensor(given[f'tap.{i}'], dtype=torch.long) for i in pools}
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        logits = net(p, x, masks).to(dtype)
    losses = F.cross_entropy(logits, torch.tensor(given['labels.0'], dtype=torch.long), reduction='none')
    losses.mean().backward()
    out = {'logits': logits.detach().numpy(), 'losses': losses.detach().numpy()}
    out |= {'gradient.' + name: p[name].grad.numpy().copy() for name in trained}
    return out | {'tracked.' + name: p[name].numpy().copy() for name in p if 'running' in name}


def their_steps(recipe, given, steps, dtype):
    """The weights after PyTorch's optimizer took our gradients, as one vector. With gradients of its own Adam's step, lr * g / |g| at
    first, would turn rounding where g is nearly zero into any distance."""
    p = {name: torch.tensor(given[name], dtype=dtype, requires_grad=True) for name in trained_names(given)}
    optimizer = make_optimizer(recipe, list(p.values()))
    for step in range(steps):
        for name, tensor in p.items():
            tensor.grad = torch.tensor(given[f'step.{step}.{name}'], dtype=dtype)
        optimizer.step()
    return numpy.concatenate([tensor.detach().numpy().ravel() for tensor in p.values()])


def inference(net, given, steps, dtype, autocast=False):
    """Our final weights, their inference."""
    p = {name[6:]: torch.tensor(value, dtype=dtype) for name, value in given.items() if name.startswith('final.')}
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        return net(p, torch.tensor(given[f'x.{steps - 1}'], dtype=dtype)).to(dtype).numpy()


def compare_pass(score, name, text, precision=FLOAT32):
    """Everything of one training pass, and inference after the step. False: our parser refuses the net."""
    path = os.path.join(WORK, 'pass.safetensors')
    try:
        ours('steps', path, text, 'opt=sgd lr=0.01' + precision.words, IMAGES, 1, 1)
    except ValueError:
        return False
    given, net, cast = read_safetensors(path), Net(text), precision is BF16
    its, exact = (theirs(net, given, dtype, dtype is torch.float32 and cast, not cast) for dtype in (torch.float32, torch.float64))
    score.check(net.furthest <= precision.near, f'{name}: a max-pool takes what is {net.furthest:.1e} below the largest')
    score.ties += net.ties
    exact['inference'], its['inference'] = inference(net, given, 1, torch.float64), inference(net, given, 1, torch.float32, cast)
    largest = max(norm(value) for key, value in exact.items() if key.startswith('gradient.'))
    far = {kind: [(0.0, '-'), (0.0, '-')] for kind in KINDS}  # the worst of a net's tensors: ours, and PyTorch's
    for key, want in exact.items():
        kind = key.split('.')[0]
        if kind == 'gradient' and norm(want) < NOTHING * largest:
            score.nothing += 1
            mine = norm(given[key])
            score.check(mine <= precision.near * largest, f'{name}: {key}: {mine:.1e} ought to be nothing beside {largest:.1e}')
        else:
            for side, got in enumerate((given[key].reshape(want.shape), its[key])):
                far[kind][side] = max(far[kind][side], (distance(got, want), key))
    for kind, ((mine, key), (theirs_most, _)) in far.items():
        place = precision, kind
        score.worst[place] = max(score.worst.get(place, (0.0,)), (mine, theirs_most, name))
        score.ratios.setdefault(place, []).append(mine / theirs_most if theirs_most else 1.0)
        score.check(
            mine <= max(precision.factor * theirs_most, precision.floor),
            f'{name} in {precision.name}: {key}: {mine:.2e} from float64, PyTorch in {precision.name} at most {theirs_most:.2e}',
        )
    return True


def compare_steps(score, name, text, recipe):
    """Weights after STEPS steps."""
    path = os.path.join(WORK, 'steps.safetensors')
    ours('steps', path, text, recipe, IMAGES, STEPS, 1)
    given = read_safetensors(path)
    mine = numpy.concatenate([given['final.' + name].ravel() for name in trained_names(given)])
    exact, single = (their_steps(recipe, given, STEPS, dtype) for dtype in (torch.float64, torch.float32))
    far = [norm(side.astype(numpy.float64) - exact) for side in (mine, single)]
    ratio = far[0] / far[1] if far[1] > 0 else float('inf')
    score.check(ratio <= FLOAT32.factor, f'{name} {recipe}: {far[0]:.3e} from float64 after {STEPS} steps, {ratio:.2f} x PyTorch float32')
    return ratio


# ---- accuracy ------------------------------------------------------------------------------------------------------------------------


def evaluate(score, what, net, recipe, data, weights):
    """Both on the test images under the same weights. They may only differ on images that stand on the edge between two classes."""
    path = os.path.join(WORK, 'evaluated.safetensors')
    accuracy = float(ours('evaluate', path, net, recipe, data, 10000, weights).split()[0])
    given = read_safetensors(path)
    p = {name: torch.tensor(value) for name, value in read_safetensors(weights).items() if name[0].isdigit()}
    with torch.no_grad():
        logits = torch.cat([Net(net)(p, x) for x in torch.tensor(given['x']).split(500)]).numpy()
    best = logits.argmax(1)
    its = 100 * float((best == given['labels']).mean())
    top = numpy.sort(logits, 1)
    edge = (top[:, -1] - top[:, -2]) < 1e-4 * numpy.abs(top[:, -1])
    differ = best != given['predicted']
    score.check(
        abs(accuracy - its) <= 100 * differ.sum() / len(best) + 1e-9 and not (differ & ~edge).any(),
        f'{what}: {accuracy:.2f} % here, {its:.2f} % in PyTorch',
    )
    print(
        f'note  {what}: {accuracy:.2f} % here, {its:.2f} % in PyTorch, {int(differ.sum())} of {len(best)} images classified otherwise '
        f'({data})',
        flush=True,
    )


def compare_accuracy(score, net, recipe, data):
    weights, path = os.path.join(WORK, 'ours.safetensors'), os.path.join(WORK, 'train.safetensors')
    subprocess.run(
        [
            os.path.join(BIN, 'train'),
            '--net',
            net,
            '--recipe',
            recipe + ' select=first:6000',
            '--data',
            data,
            '--seeds',
            '1',
            '--save',
            weights,
            '--output',
            os.path.join(WORK, 'rows.jsonl'),
            '--format',
            'jsonl',
            '--quiet',
        ],
        check=True,
        capture_output=True,
    )
    evaluate(score, 'trained here', net, recipe, data, weights)
    ours('data', path, net, recipe, data, 6000)
    given = read_safetensors(path)
    p = {name: torch.tensor(value) for name, value in read_safetensors(weights).items() if name[0].isdigit()}
    torch.manual_seed(1)
    for name in trained_names(p):
        p[name] = (
            torch.randn(p[name].shape) * (2 / p[name][0].numel()) ** 0.5
            if p[name].dim() > 1
            else torch.full_like(p[name], float('gamma' in name))
        ).requires_grad_()
    optimizer, model = torch.optim.Adam([p[name] for name in trained_names(p)], 0.01), Net(net)
    x, labels = torch.tensor(given['x']), torch.tensor(given['labels'], dtype=torch.long)
    shapes = [layer[0] for layer in model.layers]
    for index in torch.randperm(len(x)).split(64):
        masks = Ones() if 'drop' in shapes else {}
        optimizer.zero_grad()
        F.cross_entropy(model(p, x[index], masks), labels[index]).backward()
        optimizer.step()
    write_safetensors(weights, {name: value.detach().numpy() for name, value in p.items()})
    evaluate(score, 'trained in PyTorch', net, recipe, data, weights)


class Ones(dict):
    """Masks that drop nothing, whatever the layer."""

    def __missing__(self, layer):
        return torch.ones(1, 1, 1, 1)


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    score, nets = Score(), zoo()
    for name, text in nets.items():
        score.check(compare_pass(score, name, text), f'{name}: our parser refuses it')
    draw, count = random.Random(4), 0
    while count < RANDOM_NETS:
        text = random_net(draw)
        count += compare_pass(score, text, text)
    print(f'note  {len(nets)} zoo nets and {count} random ones against PyTorch {torch.__version__} in float64, worst relative differences:')
    score.tell(FLOAT32)
    print(f'note  {score.ties} windows took the other of two nearly equal maxima; {score.nothing} gradients were zero but for rounding')
    ratios = {f'{name} {recipe}': compare_steps(score, name, nets[name], recipe) for name in OPTIMIZER_NETS for recipe in OPTIMIZERS}
    worst = max(ratios, key=ratios.get)
    print(
        f'note  after {STEPS} steps of {len(OPTIMIZERS)} optimizers on {len(OPTIMIZER_NETS)} nets: at most {ratios[worst]:.2f} x the '
        f'distance of PyTorch float32 from float64 ({worst})',
        flush=True,
    )
    for name, text in nets.items():
        compare_pass(score, name, text, BF16)
    print('note  the zoo nets in bf16, ours and PyTorch in autocast, worst relative differences from float64:')
    score.tell(BF16)
    data = 'mnist' if any(os.path.exists(folder + '/mnist') for folder in ('data', '../shared/data')) else 'strokes'
    compare_accuracy(score, nets['compact-net/published'], 'opt=adam lr=0.01 batch=64 epochs=1 norm=0.1307,0.3081', data)
    print(f'{score.passed} passed, {score.failed} failed, 0 skipped')
    sys.exit(1 if score.failed else 0)


if __name__ == '__main__':
    main()
