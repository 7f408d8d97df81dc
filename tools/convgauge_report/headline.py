# SPDX-License-Identifier: MIT
"""The first screen's findings and each card's two sentences, made from the rows. A finding without rows is not said."""

from . import findings
from .canvas_figures import BASE, share
from .net_figures import framework_ratios
from .speed_figures import label, onednn
from .stats import geometric_interval
from .study_figures import mean


def canvas(results):
    study = results.studies['vanishing-canvas']
    base, kept, norm = (study.entry('d10', arm) for arm in (BASE, 'no pool', 'batch norm'))
    if not (base.rows and kept.rows) or base.short or kept.short:
        return None
    (a, n), (b, m) = share(base, 'failed'), share(kept, 'failed')
    found = [f for f in findings.findings(study) if f.of is kept]
    verdict = found[0].verdict if found else findings.NOT_SEPARABLE
    apart = f' (share {found[0].effect.mean:+.2f} [{found[0].effect.low:+.2f}, {found[0].effect.high:+.2f}])' if found else ''
    cause = {
        findings.HOLDS: 'Without shrinking fewer runs fail',
        findings.HOLDS_NOT: 'Shrinking is not the cause',
        findings.NOT_SEPARABLE: 'That the shrinking canvas is the cause does not show',
    }[verdict]
    tail = ''
    if norm.rows:
        c, k = share(norm, 'failed')
        tail = f', {c} of {k} with batch norm'
    whole = study.entry('d10')
    if whole.rows and not whole.short:
        tail += "; on the text's own 10,000 images {} of {}".format(*share(whole, 'failed'))
    return (
        f'{cause}: at ten layers, on {BASE}, {a} of {n} runs fail with it, {b} of {m} without{apart}{tail}.',
        'vanishing-canvas-failures',
    )


def compact(results):
    entry = results.studies['compact-net'].entry('published')
    s, best = mean(entry), mean(entry, 'best_test_acc')
    if not s or s.low is None or entry.short:
        return None
    return (
        f"{entry.told['published']} % was the best epoch, chosen on the test set; the last epoch's mean is {s.mean:.2f} "
        f"[{s.low:.2f}, {s.high:.2f}] % over {s.n} seeds, the best epoch's {best.mean:.2f}.",
        'compact-net-log',
    )


def speed(results):
    machine, lines = framework_ratios(results, 'train')
    if not lines:
        return None
    ratios = [ratio for _, ratio, *_ in lines]
    middle, low, high = geometric_interval(ratios)
    spread = f' [{low:.1f}, {high:.1f}]' if low is not None else ''
    span = f', from {min(ratios):.1f} to {max(ratios):.1f}' if len(ratios) > 1 else ''
    return (
        f'Training is {middle:.1f}{spread} times as fast as the best framework on the same core of {label(machine, results)} '
        f'(geometric mean of {len(lines)} nets with its interval over them{span}).',
        'frameworks',
    )


def training_set(results):
    study = results.studies['mnist-architectures']
    test, train = study.entry('exp5'), study.entry('exp5', 'tested on the training set')
    s, t = mean(test), mean(train)
    if not s or not t or s.low is None or t.low is None or test.short or train.short:
        return None
    return (
        f'99.50 % was measured on the training set: measured there ours is {t.mean:.2f} [{t.low:.2f}, {t.high:.2f}], '
        f'on the test set {s.mean:.2f} [{s.low:.2f}, {s.high:.2f}].',
        'mnist-architectures-published',
    )


def kernels(results):
    study = results.studies['kernel-size']
    found = {f.claim['says']: f for f in findings.findings(study)}
    f = found.get('3x3 is better than 5x5')
    if not f or f.of.short:
        return None
    return (
        f'That 3×3 beats 5×5 {words(f)}: {f.effect.mean:+.2f} [{f.effect.low:+.2f}, {f.effect.high:+.2f}] points over '
        f'{f.effect.n} paired seeds; published {f.of.told["published"] - f.than.told["published"]:+.2f} from one run each.',
        'kernel-size-pairs',
    )


def scratch(results):
    study = results.studies['scratch-cnn']
    right, wrong = study.entry('published', 'lr 0.01'), study.entry('published', 'all five bugs at 0.01')
    if not right.rows or not wrong.rows or right.short:
        return None
    (a, n), (b, m) = share(right, 'fitted'), share(wrong, 'fitted')
    return f'Right gradients fit the single image in {a} of {n} runs; with the five bugs together it is {b} of {m}.', 'scratch-cnn-bugs'


def library(results):
    figure = onednn(results)
    return (figure.title + '.', 'kernels-onednn') if hasattr(figure, 'table') else None


def words(found):
    return {findings.HOLDS: 'holds', findings.HOLDS_NOT: 'does not hold'}.get(found.verdict, f'is not separable at n = {found.effect.n}')


def headlines(results):
    """The three to say first: of those with rows, in this order."""
    made = [make(results) for make in (canvas, compact, speed, training_set, kernels, scratch, library)]
    return [one for one in made if one][:3]


OURS = 'ours'  # how a claim begins that is not the text's


def ours(finding):
    return finding.claim['says'].startswith(OURS)


def counted(found):
    """ "3 hold, 1 does not, 2 are open": open are those that these runs cannot tell."""
    hold, do_not, open_ = (sum(f.verdict == word for f in found) for word in (findings.HOLDS, findings.HOLDS_NOT, findings.NOT_SEPARABLE))
    said = f'{hold} hold{"s" if hold == 1 else ""}, {do_not} do{"es" if do_not == 1 else ""} not'
    return f'{said}, {open_} {"is" if open_ == 1 else "are"} open'


def right(facts):
    n = sum(t.verdict == 'right' for t in facts)
    return f'{n} of {len(facts)} stated facts of the nets {"is" if n == 1 else "are"} right'


def found(study):
    """Two sentences: what became of the figures, what became of the claims."""
    told = [t for t in findings.told(study) if t.verdict in (findings.INSIDE, findings.ABOVE, findings.BELOW)]
    facts = [t for t in findings.told(study) if t.verdict in ('right', 'wrong')]
    judged = findings.findings(study)
    theirs = [f for f in judged if not ours(f)]
    if not study.runs:
        return 'No rows yet.'
    sentences = []
    if told:
        inside = sum(t.verdict == findings.INSIDE for t in told)
        sentences.append(
            f'{inside} of {len(told)} published figures lie where one more run of ours would' + (f', and {right(facts)}.' if facts else '.')
        )
    elif facts:
        sentences.append(f'Of the text, {right(facts)}; no accuracy is comparable yet.')
    if theirs:
        bare = sum(not words.startswith(OURS) for words in findings.unjudged(study))
        sentences.append(f"Of the text's {len(theirs) + bare} claims {counted(theirs)}" + (f', {bare} wait for rows' if bare else '') + '.')
    if len(judged) > len(theirs):
        sentences.append(f'Of {len(judged) - len(theirs)} of our own {counted([f for f in judged if ours(f)])}.')
    if any(f.of.short for f in judged):
        sentences.append('Runs were short.')
    return ' '.join(sentences)


def verdicts(study):
    """Which of the text's claims hold, which do not, which these runs cannot tell, and what became of ours: a line each, in their words."""
    lines = []
    judged = findings.findings(study)
    for verdict, words in ((findings.HOLDS, 'Holds'), (findings.HOLDS_NOT, 'Does not hold'), (findings.NOT_SEPARABLE, 'Not separable yet')):
        said = [f.claim['says'] for f in judged if f.verdict == verdict and not ours(f)]
        lines += [f'{words}: {"; ".join(said)}.'] if said else []
    for verdict, words in ((findings.HOLDS, 'holds'), (findings.HOLDS_NOT, 'does not hold')):
        said = [f.claim['says'].removeprefix(OURS + ': ') for f in judged if f.verdict == verdict and ours(f)]
        lines += [f'Of our own, {words}: {"; ".join(said)}.'] if said else []
    return lines
