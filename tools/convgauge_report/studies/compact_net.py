# SPDX-License-Identifier: MIT
"""The figures of compact-net: the published log beside ours, and what dropout on the logits does to running accuracy."""

from ..study_figures import arm_dots, arms_sentence, learning, mean, means


def log_curve(study):
    told = sorted((figure['metric']['at'], figure['value']) for figure in study.published if figure['metric']['key'] == 'epoch_test_acc')
    entry = study.entry('published')
    last, best = mean(entry), mean(entry, 'best_test_acc')
    title = (
        f"The last epoch's mean is {last.mean:.2f} %; the best epoch, chosen on the test set, gives {best.mean:.2f}, "
        f'published {entry.told["published"]}'
        if last
        else 'The published log beside ours'
    )
    return learning(
        study,
        'compact-net-log',
        [entry],
        title,
        published=[('published', [int(at) for at, _ in told], [y for _, y in told])],
        ylim=(97.8, 99.7),
    )


def running(study):
    entries = [study.entry('published', '10,000 images'), study.entry('published', 'no dropout on the logits')]
    ends = means(entries, 'running_acc')
    title = (
        'On 10,000 images running train accuracy ends at '
        + ' and '.join(f'{s.mean:.1f} % {"without" if entry is entries[1] else "with"} dropout on the logits' for entry, s in ends)
        if ends
        else 'Dropout on the logits'
    )
    return learning(study, 'compact-net-running', entries, title, 'train_acc_running_per_epoch', 'running train accuracy, %')


def figures(study):
    return [log_curve(study), arm_dots(study, study.arms, 'compact-net-changes', arms_sentence), running(study)]
