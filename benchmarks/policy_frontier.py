"""Mean gap against time an instance: policies, the context alone, `greedy` and `exact`.

python benchmarks/policy_frontier.py --out docs/figures/policy-frontier.svg

Best of k includes judging the k decisions, as `greedy` and `exact` judge theirs; these two take one
instance after the other, having no batched form. Instances are drawn with a seed of their own.
Seconds are those of the processor, on one thread, so that other work beside it counts little.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from conftest import solve
from threadpoolctl import threadpool_limits

from toolkit import learners, problems, solvers
from toolkit.arrays import Data
from toolkit.learners._shipped import checkpoint_path, shipped
from toolkit.problems import Problem

PRESETS = {"paper: B and F as printed": {}, "B and F grow with n": {"scale_with_users": True}}
SIZES = (8, 16, 32, 100, 316, 1000)
COUNT = 256
SINGLES = 48  # instances that are timed one by one
ENTRIES = 4_000_000  # of the masks that are judged at once
FLOOR = 1e-10  # gaps of nothing are drawn below, a lane for each method

Method = Callable[[Problem, Data], np.ndarray]  # objectives of a batch, inf where infeasible


def best_of(problem: Problem, data: Data, decision: Data) -> np.ndarray:
    """The least feasible objective of (rows, k) decisions."""
    worth = problem.evaluate({key: value[:, None] for key, value in data.items()}, decision)
    return np.where(worth.feasible(), worth.objective, np.inf).min(-1)


def guessed(learner, net, k: int, problem: Problem, data: Data) -> np.ndarray:
    """The best of a policy's k guesses."""
    return best_of(problem, data, learner.act(net, problem, data, k))


def context(problem: Problem, data: Data) -> np.ndarray:
    """The set that the features are built around, without a network."""
    masks = (problem.features(data)[..., 1] > 0)[:, None].astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    return best_of(problem, data, problem.complete(spread, {"offload": masks}))


def solved(solver: solvers.Solver, problem: Problem, data: Data) -> np.ndarray:
    """A solver, one instance after the other."""
    found = []
    for i in range(len(data["size"])):
        case = type(problem.instance())(
            problem.name, problem.version, {key: value[i] for key, value in data.items()}
        )
        result = solve(solver, problem, case)
        found.append(np.inf if result.objective is None else result.objective)
    return np.array(found)


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {
        name: partial(solved, solvers.registry.build(name)) for name in ("exact", "greedy")
    }
    found["context alone"] = context
    for name in sorted(shipped()):
        learner, net, *_ = learners.load(checkpoint_path(name))
        for k in (1, 8, 32):
            found[f"{name.removeprefix('cpdrl-')} k={k}"] = partial(guessed, learner, net, k)
    return found


def part(data: Data, start: int, stop: int) -> Data:
    return {key: value[start:stop] for key, value in data.items()}


def timed(method: Method, problem: Problem, data: Data, size: int) -> tuple[float, np.ndarray]:
    """(median seconds an instance, objectives) in parts of `size` instances."""
    count = len(data["size"])
    method(problem, part(data, 0, size))  # off the clock: compilation
    seconds, found = [], []
    for start in range(0, count, size):
        some = part(data, start, start + size)
        begun = time.process_time()
        found.append(method(problem, some))
        seconds.append((time.process_time() - begun) / len(found[-1]))
    return float(np.median(seconds)), np.concatenate(found)


def measure(fields: dict, n: int, every: dict[str, Method]) -> list[dict]:
    """A row for every method at one size: time alone and in a batch, and mean gap."""
    problem = problems.load("cpdrl", n_users=n, **fields)
    cases = [problem.instance(i, seed=31).data for i in range(COUNT)]
    data = {key: np.stack([case[key] for case in cases]) for key in cases[0]}
    rows, best = [], None
    for name, method in every.items():
        alone, some = timed(method, problem, part(data, 0, SINGLES), 1)
        k = int(name.partition("k=")[2] or 1)
        batch, found = timed(method, problem, data, max(1, min(256, ENTRIES // (n * k))))
        best = found if best is None else best  # `exact` is the first
        assert np.all(found >= best * (1 - 1e-8))
        assert np.allclose(some, found[:SINGLES], rtol=1e-3)
        gap = float(np.maximum(found / best - 1, 0).mean())
        rows.append({"n": n, "method": name, "1": alone, "256": batch, "gap": gap})
    return rows


def draw(figures: dict[str, list[dict]], out: str) -> None:
    """Rows of panels: batch 1 and 256; columns: presets."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "policy-frontier"
    from matplotlib import pyplot

    fig, axes = pyplot.subplots(2, len(figures), figsize=(11, 8), sharex=True, sharey=True)
    for column, (title, rows) in enumerate(figures.items()):
        names = list(dict.fromkeys(row["method"] for row in rows))
        for line, batch in enumerate(("1", "256")):
            axis = axes[line, column]
            for number, name in enumerate(names):
                mine = [row for row in rows if row["method"] == name]
                style = {"marker": "os^vDPX*h"[number], "color": f"C{number}", "ms": 4, "lw": 0.8}
                lane = FLOOR / 2.0**number
                x, y = [r[batch] for r in mine], [max(r["gap"], lane) for r in mine]
                axis.loglog(x, y, label=name, **style)
                for end in (0, -1):
                    axis.annotate(f"{mine[end]['n']}", (x[end], y[end]), fontsize=6)
            axis.axhline(FLOOR, color="grey", lw=0.8, ls="--")
            axis.set_title(f"{title}; batch {batch}", fontsize=9)
            axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("processor seconds an instance, one thread")
    for axis in axes[:, 0]:
        axis.set_ylabel(f"mean gap (below {FLOOR:g}: none, in lanes)")
    axes[0, 0].legend(fontsize=7)
    fig.tight_layout()
    fig.savefig(out, metadata={"Date": None})


def table(rows: list[dict]) -> str:
    """µs an instance at batch 1 / 256, mean gap; with the break-even against `exact`."""
    sizes = list(dict.fromkeys(row["n"] for row in rows))
    out = ["| | " + " | ".join(f"n = {n}" for n in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        cells = [f"{1e6 * r['1']:.0f} / {1e6 * r['256']:.0f}, {r['gap']:.0e}" for r in mine]
        out.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def break_even(rows: list[dict], name: str, batch: str, reference: str = "exact") -> dict[int, str]:
    """For each n, how many instances until training is paid by the time saved."""
    spent = shipped()[f"cpdrl-{name.partition(' ')[0]}"]["seconds"]
    out = {}
    for n in dict.fromkeys(row["n"] for row in rows):
        ours, theirs = (
            next(r[batch] for r in rows if r["n"] == n and r["method"] == m)
            for m in (name, reference)
        )
        out[n] = f"{spent / (theirs - ours):,.0f}" if theirs > ours else "never"
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="the SVG file")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    args = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    every, figures = methods(), {}
    for title, fields in PRESETS.items():
        rows = [r for n in args.sizes.split(",") for r in measure(fields, int(n), every)]
        figures[title] = rows
        print(f"\n**{title}**\n\n{table(rows)}\n", flush=True)
        for name in ("self-label k=1", "self-label k=8"):
            for batch in ("1", "256"):
                for other in ("exact", "greedy", "context alone"):
                    print(name, batch, other, break_even(rows, name, batch, other))
    draw(figures, args.out)


if __name__ == "__main__":
    main()
