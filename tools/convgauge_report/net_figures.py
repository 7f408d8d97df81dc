# SPDX-License-Identifier: MIT
"""Whole nets: against the frameworks, over threads and batches, memory by family, where a step's time goes. Ours and a framework are only
compared inside one file: there they took turns on the same cores."""

from . import plot, stats
from .figure import Figure, Missing, curves, dots, stacked, table_of
from .speed_figures import SLOW, conditions, label, main_machine, of_kind
from .tables import Interval

NETS, PEERS = "bench-nets --threads 1,2", "tools/bench-peers"
WHAT = {"train": "training", "infer": "inference"}


def turns(results):
    """machine -> [(what, net, batch, ours, theirs)] of the files where frameworks took part."""
    groups = {}
    for machine, row in results.bench.get("net", []):
        if row.get("ok", True):
            groups.setdefault((machine, row.path, row["what"], row["net"], row["batch"], row["threads"]), []).append(row)
    found = {}
    for (machine, _, what, net, batch, threads), rows in sorted(groups.items(), key=lambda item: str(item[0])):
        theirs = [row for row in rows if row["variant"].startswith("peer/")]
        ours = [row for row in rows if not row["variant"].startswith("peer/")]
        if theirs and ours:
            found.setdefault(machine, []).append((what, net, batch, threads, max(ours, key=lambda row: row["images_per_s"]), theirs))
    return found


def framework_ratios(results, what):
    """(machine, [(net, ratio, best of theirs, ours)]) for the machine with the most."""
    by_machine = {machine: [line for line in lines if line[0] == what and line[3] == 1] for machine, lines in turns(results).items()}
    by_machine = {machine: lines for machine, lines in by_machine.items() if lines}
    if not by_machine:
        return None, []
    machine = main_machine(by_machine)
    out = []
    for _, net, batch, _, ours, theirs in by_machine[machine]:
        best = max(theirs, key=lambda row: row["images_per_s"])
        out.append((net, ours["images_per_s"] / best["images_per_s"], best, ours))
    return machine, out


def frameworks(results):
    name, title = "frameworks", "Against what you would use instead"
    machine, lines = framework_ratios(results, "train")
    if not lines:
        return Missing(name, title, "not measured yet", PEERS)
    middle, low, high = stats.geometric_interval([ratio for _, ratio, *_ in lines])
    span = f" [{low:.1f}, {high:.1f}]" if low is not None else ""
    title = f"Training is {middle:.1f}×{span} as fast as the best framework on the same core, over {len(lines)} nets"
    lines = sorted(lines, key=lambda line: -line[1])
    items = [(net, Interval(ratio, None, None, None, 1), None, plot.BLUE if ratio >= 1 else plot.ORANGE) for net, ratio, *_ in lines]
    inference = {net: ratio for net, ratio, *_ in framework_ratios(results, "infer")[1]}
    table = table_of(
        name,
        title,
        [
            ("net", "net"),
            ("batch", "batch"),
            ("ours", "ours, images/s", 0),
            ("best", "best of theirs"),
            ("theirs", "theirs, images/s", 0),
            ("ratio", "training, times", 2),
            ("inference", "inference, times", 2),
        ],
        [
            (
                net,
                ours["batch"],
                ours["images_per_s"],
                f"{best['variant'][5:]} ({best.get('note', '')})",
                best["images_per_s"],
                ratio,
                inference.get(net),
            )
            for net, ratio, best, ours in lines
        ],
    )
    versions = sorted({row.get("note", "") for *_, theirs in turns(results)[machine] for row in theirs})
    return Figure(
        name,
        title,
        dots(items, "times as fast as the best framework mode", log=True, zero=1, ratio=True, width=520),
        table,
        f"{', '.join(versions)}, each in its best mode per net, one thread, in turns on the same core; "
        f"{conditions([line[3] for line in lines])}. Data in memory; the step alone.",
        PEERS,
        [line[3] for line in lines],
    )


def own(results, wanted):
    return of_kind(
        results,
        "net",
        lambda row: row.get("isa") not in SLOW and not row["variant"].startswith("peer/") and row.get("algo") == "auto" and wanted(row),
    )


def scaling(results):
    name, title = "threads", "Scaling over threads"
    by_machine = own(results, lambda row: row["what"] == "train")
    found = {}
    for machine, rows in by_machine.items():
        for row in rows:
            found.setdefault((machine, row["net"], row["batch"]), {})[row["threads"]] = row
    found = {key: by for key, by in found.items() if 1 in by and len(by) > 1}
    if not found:
        return Missing(name, title, "not measured yet", NETS)
    machine = main_machine({key[0]: [k for k in found if k[0] == key[0]] for key in found})
    found = {key: by for key, by in found.items() if key[0] == machine}
    most = max(threads for by in found.values() for threads in by)
    lines = sorted(
        ((net, batch, by[most]["images_per_s"] / by[1]["images_per_s"], by) for (_, net, batch), by in found.items() if most in by),
        key=lambda line: -line[2],
    )
    middle = stats.geometric_mean([ratio for _, _, ratio, _ in lines])
    title = f"On {most} threads training is {middle:.2f}× as fast as on one (geometric mean of {len(lines)} nets)"
    items = [(f"{net}, {batch}", Interval(ratio, None, None, None, 1), None, plot.BLUE) for net, batch, ratio, _ in lines]
    table = table_of(
        name,
        title,
        [
            ("net", "net"),
            ("batch", "batch"),
            ("one", "1 thread, images/s", 0),
            ("most", f"{most} threads, images/s", 0),
            ("times", "times", 2),
        ],
        [(net, batch, by[1]["images_per_s"], by[most]["images_per_s"], ratio) for net, batch, ratio, by in lines],
    )
    rows = [by[1] for *_, by in lines]
    return Figure(
        name,
        title,
        dots(items, f"times as fast as one thread (line: {most})", zero=most, width=520),
        table,
        f"Net and batch; {conditions(rows)}.",
        NETS,
        rows,
    )


def batches(results):
    name, title = "batch-sizes", "Speed over batch sizes"
    by_machine = own(results, lambda row: row["what"] == "train" and row["threads"] == 1)
    found = {}
    for machine, rows in by_machine.items():
        for row in rows:
            found.setdefault((machine, row["net"]), {})[row["batch"]] = row
    found = {key: by for key, by in found.items() if len(by) > 2}
    if not found:
        return Missing(name, title, "not measured yet", "bench-nets --batch 1,8,32,64,128,512")
    machine = main_machine({key[0]: [k for k in found if k[0] == key[0]] for key in found})
    chosen = sorted((net, by) for (m, net), by in found.items() if m == machine)[:4]
    series = [
        (
            net.split("/")[-1] if len(chosen) > 1 else net,
            sorted(by),
            [by[b]["images_per_s"] for b in sorted(by)],
            None,
            None,
            plot.COLOURS[i],
            False,
        )
        for i, (net, by) in enumerate(chosen)
    ]
    title = "; ".join(
        f"{net}: batch {max(by)} is {by[max(by)]['images_per_s'] / by[min(by)]['images_per_s']:.1f}× batch {min(by)}" for net, by in chosen
    )
    table = table_of(
        name,
        title,
        [("net", "net"), ("batch", "batch"), ("speed", "images/s", 0)],
        [(net, batch, by[batch]["images_per_s"]) for net, by in chosen for batch in sorted(by)],
    )
    rows = [row for _, by in chosen for row in by.values()]
    return Figure(
        name,
        title,
        curves(series, "batch", "training images/s", log=True),
        table,
        f"One thread; {conditions(rows)}.",
        "bench-nets --batch 1,8,32,64,128,512",
        rows,
    )


FAMILIES = (
    ("parameters", ("bytes_parameters", "bytes_gradients", "bytes_optimizer"), plot.PURPLE),
    ("activations", ("bytes_activations",), plot.BLUE),
    ("scratch", ("bytes_scratch",), plot.GREEN),
)


def memory(results):
    name, title = "memory", "Memory per net"
    by_machine = own(results, lambda row: row["what"] == "train" and row["threads"] == 1 and row.get("bytes_activations"))
    if not by_machine:
        return Missing(name, title, "not measured yet", NETS)
    machine = main_machine(by_machine)
    most = {}
    for row in by_machine[machine]:
        most[row["net"]] = row
    rows = sorted(most.values(), key=lambda row: -sum(row[key] for _, keys, _ in FAMILIES for key in keys))
    items = [
        (f"{row['net']}, {row['batch']}", [(word, sum(row[key] for key in keys) / 2**20, colour) for word, keys, colour in FAMILIES])
        for row in rows[:16]
    ]
    first = items[0]
    whole = sum(value for _, value, _ in first[1])
    title = f"Activations are {100 * first[1][1][1] / whole:.0f} % of the largest plan ({whole:.0f} MiB, {first[0]})"
    table = table_of(
        name,
        title,
        [("net", "net"), ("batch", "batch")] + [(word, f"{word}, MiB", 2) for word, *_ in FAMILIES],
        [(row["net"], row["batch"], *(sum(row[key] for key in keys) / 2**20 for _, keys, _ in FAMILIES)) for row in rows],
    )
    return Figure(
        name,
        title,
        stacked(items, "MiB while training", width=520),
        table,
        "Net and batch; parameters with gradients and the optimizer's state. The plan's arenas, "
        "placed before the first step; nothing is allocated later.",
        NETS,
        rows,
    )


def profiles(results):
    name, title = "profile", "Where a training step's time goes"
    groups = {}
    for machine, row in results.bench.get("profile", []):
        groups.setdefault((machine, row["net"], row["batch"], row["variant"], row["threads"]), []).append(row)
    if not groups:
        return [Missing(name, title, "not measured yet", "bench-nets --profile")]
    made = []
    for key in sorted(groups, key=str)[:4]:
        machine, net, batch, variant, threads = key
        rows = [row for row in groups[key] if row["word"] not in ("sum of the parts", "the same steps, whole", "steps unwatched")]
        parts = (
            ("forward", "us_forward", plot.BLUE),
            ("grad. of input", "us_backward_data", plot.ORANGE),
            ("grad. of weights", "us_backward_weights", plot.GREEN),
            ("other", "us_other", plot.PURPLE),
        )
        items = [
            (
                f"{row['word']}" + (f" → {row['out']}" if row["out"] else ""),
                [(word, row[field] or 0, colour) for word, field, colour in parts],
            )
            for row in rows
        ]
        top = max(rows, key=lambda row: row["us"])
        total = sum(row["us"] for row in rows)
        sentence = f"{net}: {top['word']} takes {100 * top['us'] / total:.0f} % of a training step"
        table = table_of(
            f"{name}-{net.replace('/', '-')}",
            sentence,
            [("layer", "layer"), ("out", "output")] + [(field, f"{word}, us", 1) for word, field, _ in parts] + [("gflops", "GFLOP/s", 1)],
            [(row["word"], row["out"] or "–", *(row[field] for _, field, _ in parts), row.get("gflops")) for row in rows],
        )
        made.append(
            Figure(
                table.name,
                sentence,
                stacked(items, "us per step", width=540),
                table,
                f"{label(machine, results)}; batch {batch}, {variant}, {threads} thread(s); " "means over the faster half of the steps.",
                f"bench-nets --profile --net {net}",
                rows,
            )
        )
    return made


def for_nets(results):
    return [frameworks(results), scaling(results), batches(results), memory(results), *profiles(results)]
