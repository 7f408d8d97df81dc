# SPDX-License-Identifier: MIT
"""The first screen's findings and each card's two sentences, made from the rows. A finding without rows is not said."""

from collections import Counter

from . import findings, framework_figures, verdicts
from .machines import label
from .speed_figures import onednn
from .studies.vanishing_canvas import BASE
from .study_figures import mean, share
from .tables import Table


def canvas(results):
    study = results.studies['vanishing-canvas']
    found, norm = verdicts.finding(study, 'shrinking'), verdicts.finding(study, 'batch-norm')
    if not found or found.short:
        return None
    cause = {
        verdicts.SUPPORTED: 'Deep nets fail because their feature maps shrink',
        verdicts.REFUTED: 'Shrinking feature maps are not why deep nets fail to train',
    }
    (b, m), (a, n) = (map(sum, zip(*map(verdicts.count, side))) for side in (found.values, found.than_values))
    tail = f'; with batch norm {verdicts.seen(norm.values, norm.claim["metric"])}' if norm else ''
    return (
        f'{cause.get(found.verdict, "Whether shrinking feature maps make deep nets fail is undecided")}: over {len(found.of)} depths, on '
        f'{BASE}, {a} of {n} runs fail with shrinking, {b} of {m} without (difference of shares {verdicts.difference(found)}){tail}.',
        'vanishing-canvas-failures',
    )


def compact(results):
    entry = results.studies['compact-net'].entry('published')
    s, best = mean(entry), mean(entry, 'best_test_acc')
    if not s or s.low is None or entry.short:
        return None
    return (
        f'The {entry.told["published"]} % published for compact-net is its best epoch, chosen on the test set; over {s.n} seeds the last '
        f'epoch reaches {s.mean:.2f} [{s.low:.2f}, {s.high:.2f}] %, the best epoch {best.mean:.2f} %.',
        'compact-net-log',
    )


def speed(results):
    """PyTorch alone, and the faster of both, on every CPU where they were compared."""
    alone, best = (framework_figures.ratios(results, 'train', whom) for whom in ('torch', ''))
    machines = [machine for machine in best if machine in alone]
    if not machines:
        return None
    on = [f'{framework_figures.said(framework_figures.speed(alone[m]), "")} times on one core of {label(m, results)}' for m in machines]
    on[0] = on[0].replace(' times', ' times as fast as PyTorch', 1)
    both = ' and '.join(f'{framework_figures.speed(best[m]).middle:.1f}' for m in machines)
    return (
        f'Training is {", ".join(on)}; against the faster of PyTorch and TensorFlow, {both} times (geometric means of '
        f'{max(len(best[m]) for m in machines)} nets).',
        'speed',
    )


def training_set(results):
    study = results.studies['mnist-architectures']
    test, train = study.entry('exp5'), study.entry('exp5', 'tested on the training set')
    s, t = mean(test), mean(train)
    if not s or not t or s.low is None or t.low is None or test.short or train.short:
        return None
    return (
        f'The 99.50 % published for exp5 was measured on the training set: there we measure {t.mean:.2f} [{t.low:.2f}, {t.high:.2f}], '
        f'on the test set {s.mean:.2f} [{s.low:.2f}, {s.high:.2f}].',
        'mnist-architectures-published',
    )


def kernels(results):
    found = verdicts.finding(results.studies['kernel-size'], '3x3-5x5')
    if not found or found.short:
        return None
    published = found.of[0].told['published'] - found.than[0].told['published']
    return (
        f'Is 3×3 better than 5×5? {verdicts.words(found).capitalize()}: {verdicts.difference(found)} points, paired by seed; published '
        f'{published:+.2f} from one run each.',
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


def headlines(results):
    """The three to say first: of those with rows, in this order."""
    made = [make(results) for make in (canvas, compact, speed, training_set, kernels, scratch, library)]
    return [one for one in made if one][:3]


def tally(results):
    """How many of each article's claims have which verdict."""
    lines = []
    for study in results.studies.values():
        theirs = [claim for claim in study.claims if claim['family'] == 'article']
        counts = Counter(f.verdict for f in verdicts.findings(study) if f.claim['family'] == 'article')
        counts['no rows yet'] = len(theirs) - sum(counts.values())
        lines.append((study.name, len(theirs), counts))
    words = [word for word in (*verdicts.VERDICTS, 'no rows yet') if any(counts[word] for _, _, counts in lines)]
    heads = [('study', 'study'), ('claims', 'claims'), *((word.replace(' ', '_'), word) for word in words)]
    table = Table('tally', "What became of the articles' claims", heads)
    for name, count, counts in lines:
        table.add(name, count, *(counts[word] for word in words))
    return table


def tally_words(results):
    """The same over all of the articles, in a sentence."""
    found = [f for study in results.studies.values() for f in verdicts.findings(study) if f.claim['family'] == 'article']
    if not found:
        return ''
    pilots = sum(map(verdicts.pilot, found))
    tail = f' {pilots} of these verdicts rest on pilots: fewer images or epochs than published.' if pilots else ''
    return f'Of the {len(found)} claims that the articles make and rows can test, {counted(found)}.{tail}'


def summary(results):
    """The page in a sentence, for those who see only the link."""
    return (
        ' '.join([sentence for sentence, _ in headlines(results)[-1:]] + [tally_words(results)]).strip() or 'Small CNNs on CPUs, measured.'
    )


def number(count, what):
    """ "1 is undecided"."""
    return f'{count} {"is" if count == 1 else "are"} {what}'


def counted(found):
    """ "3 are supported, 1 is refuted"."""
    counts = Counter(f.verdict for f in found)
    said = [number(counts[word], word) for word in verdicts.VERDICTS if counts[word]]
    return ', '.join(said[:-1]) + (' and ' if len(said) > 1 else '') + said[-1]


def of_values(study):
    """What became of the published values."""
    told = [t for t in findings.told(study) if t.verdict in (findings.INSIDE, findings.ALIKE, findings.ABOVE, findings.BELOW)]
    facts = [t for t in findings.told(study) if t.verdict in (findings.CORRECT, findings.WRONG)]
    same = sum(t.verdict in (findings.INSIDE, findings.ALIKE) for t in told)
    said = (
        [f'{same} of {len(told)} published values lie in our prediction interval for a single run, or are seen in our runs'] if told else []
    )
    right = sum(t.verdict == findings.CORRECT for t in facts)
    said += (
        [f'{right} of {len(facts)} stated facts of the nets (parameters, shapes, fields) {"is" if right == 1 else "are"} correct']
        if facts
        else []
    )
    return '; '.join(said) + '.' if said else ''


def found(study):
    """What became of the published values, and what of the claims."""
    if not study.runs:
        return 'No rows yet.'
    decided = verdicts.findings(study)
    theirs, own = ([f for f in decided if f.claim['family'] == family] for family in ('article', 'ours'))
    waiting = sum(claim['family'] == 'article' for claim in study.claims) - len(theirs)
    sentences = [of_values(study)]
    if theirs:
        wait = f'; {waiting} wait for rows' if waiting else ''
        sentences.append(f"Of the article's {len(theirs) + waiting} claims {counted(theirs)}{wait}.")
    if own:
        sentences.append(f'Of {len(own)} of our own {counted(own)}.')
    pilots = sum(verdicts.pilot(f) for f in decided)
    if pilots:
        sentences.append(f'{pilots} of these verdicts rest on pilots: fewer images or epochs than published.')
    if any(f.short for f in decided):
        sentences.append('Runs were short.')
    return ' '.join(filter(None, sentences))


def lines(study):
    """What each verdict was given to, in the claims' words: a line each, the article's claims first."""
    out = []
    for family, whose in (('article', ''), ('ours', 'Of our own, ')):
        for word in verdicts.VERDICTS:
            decided = [f for f in verdicts.findings(study) if f.claim['family'] == family and f.verdict == word]
            said = [f.claim['says'] + (' (pilot)' if verdicts.pilot(f) else '') for f in decided]
            out += [f'{whose}{word if whose else word.capitalize()}: {"; ".join(said)}.'] if said else []
    return out


def preview(results):
    """(lead, [(big, small)]) of the picture that a link to the page shows."""
    lines = []
    alone = framework_figures.ratios(results, 'train', 'torch')
    for machine in list(alone)[:2]:
        made = framework_figures.speed(alone[machine])
        small = f'on one core of {label(machine, results)}, geometric mean of {made.n} nets'
        lines.append((f'{made.middle:.1f}× as fast as PyTorch in training', small))
    found = [f for study in results.studies.values() for f in verdicts.findings(study) if f.claim['family'] == 'article']
    if found:
        lines.append((f'{len(found)} claims of five articles tested', counted(found)))
    return 'small CNNs on CPUs: hand-written SIMD kernels, measured; published claims, tested', lines
