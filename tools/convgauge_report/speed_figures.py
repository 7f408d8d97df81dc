# SPDX-License-Identifier: MIT
"""Kernels and nets: which variant on which CPU, against what people would use instead, roofline, layers, threads, memory. Timings of
machines stand side by side and are never pooled; where a figure can show one machine only, it is the one with the most rows."""

from collections import Counter

from . import plot, stats
from .figure import Figure, Missing, dots, log_ticks, stacked, table_of
from .tables import Interval, Table

KERNELS = "bench-kernels --set table"
DIRECTIONS = {"fwd": "forward", "bwd_data": "gradient of the input", "bwd_weights": "gradient of the weights"}
SLOW = ("scalar", "portable")


def label(machine, results):
    """The CPU, and its folder where several machines have the same."""
    folder, cpu = machine
    same = [other for other in results.machines if other[1] == cpu and other[0]]
    return cpu if len(same) == 1 or not folder else f"{cpu} ({folder})"


def of_kind(results, kind, wanted=lambda row: True):
    """machine -> rows that passed their check."""
    found = {}
    for machine, row in results.bench.get(kind, []):
        if row.get("ok", True) and not row.get("cold") and wanted(row):
            found.setdefault(machine, []).append(row)
    return found


def main_machine(by_machine):
    return max(sorted(by_machine), key=lambda machine: len(by_machine[machine]))


def isa_words(machine, isa, by_machine):
    """An ISA that is not the machine's best was forced, and is called so."""
    isas = Counter(row["isa"] for row in by_machine[machine] if row.get("isa") not in SLOW + ("peer",))
    best = isas.most_common(1)[0][0] if isas else isa
    return isa if isa in (best, "peer", "scalar") else f"{isa}, forced"


def conditions(rows):
    env = next((row["env"] for row in rows if row.get("env")), {})
    words = [
        env.get("cpu") or "unknown CPU",
        env.get("compiler") or "",
        "virtual machine" if env.get("virtualised") else "",
        f"governor {env['governor']}" if env.get("governor") else "",
        f"commit {env['commit']}" if env.get("commit") else "",
    ]
    return ", ".join(word for word in words if word)


# ---- which kernel, on which CPU ----------------------------------------------------------------------------------------------------------


def variants(results):
    """Variant x CPU: geometric mean of % of the FMA peak over the problems that all variants of a line have."""
    by_machine = of_kind(
        results, "kernel", lambda row: row["what"].startswith("conv.") and row["threads"] == 1 and row.get("percent_of_peak")
    )
    name, title = "kernels-by-cpu", "Which kernel, on which CPU"
    if not by_machine:
        return Missing(name, title, "not measured yet", KERNELS)
    machines = sorted(by_machine)
    table = Table(
        name,
        title,
        [("what", "convolution"), ("variant", "variant")]
        + [(f"peak{i}", f"{label(machine, results)}: % of peak", 1) for i, machine in enumerate(machines)]
        + [("problems", "problems")],
        "Geometric mean of the share of the FMA peak measured in the same run, one thread, over the problems of the table set; nominal "
        "FLOPs, so Winograd and FFT can exceed 100.",
    )
    cells = {}
    for machine in machines:
        for row in by_machine[machine]:
            cells.setdefault((row["what"], row["variant"]), {}).setdefault(machine, {})[row["problem"]] = row["percent_of_peak"]
    for (what, variant), found in sorted(cells.items(), key=lambda item: (list(DIRECTIONS).index(item[0][0][5:]), item[0][1])):
        common = sorted(set.intersection(*(set(problems) for problems in found.values())))
        isa, algo = variant.split("/")
        words = isa if isa == "peer" else isa_words(next(iter(found)), isa, by_machine)
        table.add(
            DIRECTIONS[what[5:]],
            f"{algo} ({words})",
            *(stats.geometric_mean([found[m][p] for p in common]) if m in found and common else None for m in machines),
            len(common),
        )
    machine = main_machine(by_machine)
    at = machines.index(machine) + 2
    own = [row for row in table.rows if "peer" not in row[1] and row[0] == "forward" and row[at]]
    best = max(own, key=lambda row: row[at], default=None)
    sentence = f"Forward, {best[1]} reaches {best[at]:.0f} % of the FMA peak (geometric mean of {best[-1]} shapes)" if best else title
    items = [
        (f"{row[1]}", Interval(row[at], None, None, None, 1), None, plot.GREEN if "peer" in row[1] else plot.BLUE)
        for row in table.rows
        if row[0] == "forward" and row[at]
    ]
    return Figure(
        name,
        sentence,
        dots(items, "% of FMA peak, forward", zero=100),
        table,
        f"{conditions(by_machine[machine])}; one thread. Blue: ours; "
        "green: the compiler's own loops and oneDNN. The line is the peak; the table has every CPU.",
        KERNELS,
        by_machine[machine],
    )


def onednn(results):
    """Every problem: oneDNN's time over that of what auto takes."""
    by_machine = of_kind(
        results, "kernel", lambda row: row.get("times_onednn") and row.get("isa") not in SLOW + ("peer",) and row["threads"] == 1
    )
    name, title = "kernels-onednn", "Ours beside oneDNN"
    if not by_machine:
        return Missing(name, title, "not measured yet", KERNELS)
    machine = main_machine(by_machine)
    best = {}
    for row in by_machine[machine]:
        key = (row["what"], row["problem"])
        if key not in best or row["us"] < best[key]["us"]:
            best[key] = row
    ops = sorted({what for what, _ in best}, key=lambda what: (not what.startswith("conv"), what))
    lines = [(op, [row["times_onednn"] for (what, _), row in best.items() if what == op]) for op in ops]
    ratios = [row["times_onednn"] for row in best.values()]
    middle = stats.geometric_mean(ratios)
    title = f"The best of ours is {middle:.2f} × as fast as oneDNN (geometric mean of {len(ratios)} lines); "
    title += f"oneDNN wins {sum(r < 1 for r in ratios)}"
    items = []
    for op, values in lines:
        low, high = min(values), max(values)
        items.append((f"{op} ({len(values)})", Interval(stats.geometric_mean(values), None, low, high, len(values)), None, plot.BLUE))
    table = table_of(
        name,
        title,
        [("op", "operation"), ("problem", "problem"), ("variant", "our best"), ("us", "ours, us", 2), ("times", "times oneDNN", 2)],
        [(what, problem, row["variant"], row["us"], row["times_onednn"]) for (what, problem), row in sorted(best.items())],
    )
    return Figure(
        name,
        title,
        dots(items, "times as fast as oneDNN", zero=1, log=True, ratio=True),
        table,
        f"Dots: geometric means over the problems; lines: from the "
        f"worst to the best problem. {conditions(by_machine[machine])}; one thread, in turns with oneDNN in the same run.",
        KERNELS,
        best.values(),
    )


ROOF_KINDS = (("conv.fwd", plot.BLUE), ("conv.bwd_data", plot.ORANGE), ("conv.bwd_weights", plot.GREEN), ("other", plot.PURPLE))


def roof(best, peak, bandwidth):
    """Points under the FMA peak and the bandwidths' slopes."""

    def draw():
        figure, axes = plot.canvas(520, 320)
        points = [(row["gflops_exact"] * row["us"] * 1e3 / row["bytes"], row["gflops_exact"], row["what"]) for row in best]
        for x, y, what in points:
            colour = dict(ROOF_KINDS).get(what, plot.PURPLE)
            axes.plot([x], [y], "o", color=colour, markersize=4.5, alpha=0.8, linestyle="none")
        low, high = min(x for x, *_ in points) / 2, max(x for x, *_ in points) * 2
        axes.plot([low, high], [peak, peak], color=plot.INK, linewidth=1)
        axes.annotate(f"FMA peak {peak:.0f}", (high, peak), (-4, 4), textcoords="offset points", ha="right", fontsize=11)
        for level in ("L1", "L2", "L3", "DRAM"):
            if level in bandwidth:
                axes.plot(
                    [low, min(high, peak / bandwidth[level])],
                    [low * bandwidth[level], min(peak, high * bandwidth[level])],
                    color=plot.MUTED,
                    linewidth=1,
                )
                axes.annotate(level, (low, low * bandwidth[level]), (-3, 0), textcoords="offset points", ha="right", fontsize=10)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(min(y for _, y, _ in points) / 1.5, peak * 1.6)
        axes.set_xlabel("FLOPs per byte, each tensor once")
        axes.set_ylabel("GFLOP/s, exact taps")
        log_ticks(axes)
        log_ticks(axes, "y")
        for k, (word, colour) in enumerate(ROOF_KINDS):
            axes.annotate(word, (0.99, 0.03 + 0.065 * k), xycoords="axes fraction", ha="right", color=colour, fontsize=11)
        return figure

    return draw


def roofline(results):
    by_machine = of_kind(
        results,
        "kernel",
        lambda row: row.get("bytes")
        and row.get("isa") not in SLOW + ("peer",)
        and row["threads"] == 1
        and row.get("gflops_exact")
        and row["flops"],
    )
    name, title = "roofline", "Roofline"
    if not by_machine:
        return Missing(name, title, "not measured yet", KERNELS)
    machine = main_machine(by_machine)
    rows = by_machine[machine]
    best = {}
    for row in rows:
        key = (row["what"], row["problem"])
        if key not in best or row["us"] < best[key]["us"]:
            best[key] = row
    peak = max(row["peak_gflops"] for row in rows if row.get("peak_gflops"))
    bandwidth = {
        row["variant"]: row["triad_gbs"]
        for row in of_kind(results, "runtime", lambda row: row["what"] == "bandwidth").get(machine, [])
        if row["threads"] == 1 and row.get("triad_gbs")
    }
    share = [row["percent_of_roof"] for row in best.values() if row.get("percent_of_roof")]
    title = f"Half of the kernels reach at least {sorted(share)[len(share) // 2]:.0f} % of their roof" if share else title

    table = table_of(
        name,
        title,
        [
            ("op", "operation"),
            ("problem", "problem"),
            ("variant", "variant"),
            ("gflops", "GFLOP/s", 1),
            ("roof", "% of roof", 0),
            ("by", "bound by"),
        ],
        [
            (what, problem, row["variant"], row["gflops_exact"], row.get("percent_of_roof"), row.get("bound_by"))
            for (what, problem), row in sorted(best.items())
        ],
    )
    bare = "" if bandwidth else " Bandwidths are not measured yet: bench-runtime."
    return Figure(
        name,
        title,
        roof(best.values(), peak, bandwidth),
        table,
        f"The fastest of our variants per problem, {len(best)} problems; {conditions(rows)}, one thread." + bare,
        KERNELS,
        best.values(),
    )


def beside_direct(times, chosen, algos):
    """A line per shape, a dot per algorithm."""

    def draw():
        figure, axes = plot.canvas(520, 84 + 19 * len(chosen))
        for i, problem in enumerate(chosen):
            for k, algo in enumerate(algos):
                if algo in times[problem]:
                    axes.plot(
                        [times[problem]["direct"] / times[problem][algo]],
                        [i],
                        "o",
                        color=plot.COLOURS[k % 4],
                        markersize=6,
                        linestyle="none",
                    )
        axes.axvline(1, color=plot.MUTED, linewidth=1)
        axes.set_xscale("log")
        log_ticks(axes)
        axes.set_yticks(range(len(chosen)), chosen, fontsize=10)
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.set_xlabel("times as fast as direct")
        for k, algo in enumerate(algos):
            axes.annotate(
                "● " + algo,
                (k / max(len(algos), 3), 1),
                (0, 5),
                xycoords="axes fraction",
                textcoords="offset points",
                color=plot.COLOURS[k % 4],
                fontsize=11,
            )
        plot.grid(axes)
        return figure

    return draw


def algorithms(results):
    """Direct, Winograd and FFT on each layer of the studied nets."""
    by_machine = of_kind(
        results, "kernel", lambda row: row["what"] == "conv.fwd" and row.get("isa") not in SLOW + ("peer",) and row["threads"] == 1
    )
    name, title = "algorithms", "Direct, Winograd and FFT, layer by layer"
    if not by_machine:
        return Missing(name, title, "not measured yet", KERNELS)
    machine = main_machine(by_machine)
    isas = Counter(row["isa"] for row in by_machine[machine])
    isa = isas.most_common(1)[0][0]
    times = {}
    for row in by_machine[machine]:
        if row["isa"] == isa:
            times.setdefault(row["problem"], {})[row["algo"]] = row["us"]
    times = {problem: found for problem, found in times.items() if "direct" in found and len(found) > 1}
    if not times:
        return Missing(name, title, "not measured yet", KERNELS)
    algos = sorted({algo for found in times.values() for algo in found} - {"direct"})
    wins = Counter(min(found, key=found.get) for found in times.values())
    title = "Forward, the fastest is " + ", ".join(f"{algo} on {count}" for algo, count in wins.most_common()) + f" of {len(times)} shapes"
    chosen = sorted(times, key=lambda problem: -times[problem]["direct"] / min(times[problem].values()))[:24]

    table = table_of(
        name,
        title,
        [("problem", "problem"), ("direct", "direct, us", 2)] + [(algo, f"{algo}, us", 2) for algo in algos],
        [(problem, found["direct"], *(found.get(algo) for algo in algos)) for problem, found in sorted(times.items())],
    )
    return Figure(
        name,
        title,
        beside_direct(times, chosen, algos),
        table,
        f"{isa}, forward, one thread, the {len(chosen)} shapes where another helps most; {conditions(by_machine[machine])}.",
        KERNELS,
        by_machine[machine],
    )


def errors(results):
    """Worst error seen by algorithm, in units of the bound that its row promises."""
    by_machine = of_kind(
        results,
        "kernel",
        lambda row: row["what"].startswith("conv.") and row.get("error_of_bound") is not None and row.get("isa") != "peer",
    )
    name, title = "error-bounds", "Error against the promised bound"
    if not by_machine:
        return Missing(name, title, "not measured yet", KERNELS)
    machine = main_machine(by_machine)
    worst = {}
    for row in by_machine[machine]:
        worst.setdefault(row["variant"], []).append(row["error_of_bound"])
    top = max(max(values) for values in worst.values())
    title = f"No kernel's error exceeds {top:.2f} of its promised bound"
    items = [
        (variant, Interval(stats.mean(values), None, min(values), max(values), len(values)), None, plot.BLUE)
        for variant, values in sorted(worst.items())
    ]
    table = table_of(
        name,
        title,
        [("variant", "variant"), ("cases", "cases"), ("mean", "mean", 3), ("worst", "worst", 3)],
        [(variant, len(values), stats.mean(values), max(values)) for variant, values in sorted(worst.items())],
    )
    return Figure(
        name,
        title,
        dots(items, "error, in units of the bound", zero=1),
        table,
        "Dots: means over problems and directions; lines: least to worst. "
        "The bound is that of the variant's row, checked against double before timing.",
        KERNELS,
        by_machine[machine],
    )


def for_kernels(results):
    return [variants(results), onednn(results), roofline(results), algorithms(results), errors(results)]
