"""What rules and trained policies of `a3c` cost on unseen episodes, in Markdown.

python benchmarks/a3c_policies.py [POLICY.zip …] [--preset clean] [--densities 0.3 0.5 0.7 0.9]
    [--count 60] [--known 20] [--rules greedy drift …] [--over drift] [--seconds 10]
    [--reference FILE.json]

One table a density. Files of one learner and one forwarding differ in their seed. `cost` is the
mean over tasks, with its 95 % interval; `late` the share of tasks over their tolerance. Per cents
are of an episode's cost above another's, of all seeds and episodes: the mean of the middle half
(IQM), its 95 % interval, then the mean (of sums). `over` is against the rule of --over (with
-single for policies that only send to their own server); gaps are to the best decision that
`exact` finds in --seconds for the first --known episodes (0: none), all tasks known, and to its
proven bound; both are kept in --reference. At last, what double offloading saves against single,
for every kind of policy of which both were given, any seed of one against any of the other.
Intervals are bootstrap: seeds are drawn, and, the same for all seeds, episodes.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import learners, problems, solve
from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.problems.a3c.rules import SINGLE
from toolkit.reports._bootstrap import LEVEL, RESAMPLES

SEED = 20261122  # nothing was trained or tuned on this seed
RULES = "local least-loaded jsq greedy-single drift-single greedy drift"
EDGES = (1 - LEVEL) / 2, (1 + LEVEL) / 2


@dataclass
class Played:
    """A policy's episodes: cost (seeds, episodes), and how many tasks were late."""

    kind: str  # the same where only forwarding differs
    single: bool
    cost: np.ndarray
    late: np.ndarray
    trained: str = ""  # steps and seconds


def iqm(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half, over the last axis."""
    ordered, cut = np.sort(values, axis=-1), values.shape[-1] // 4
    return np.asarray(ordered[..., cut : values.shape[-1] - cut].mean(-1))


def drawn(rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers below count with replacement, (RESAMPLES, count)."""
    return rng.integers(count, size=(RESAMPLES, count))


def interval(cost: np.ndarray, tasks: np.ndarray) -> tuple[float, float]:
    """The interval of what a task costs: cost (seeds, episodes), tasks (episodes,)."""
    rng = rng_for("bootstrap", cost.tolist())
    s, e = (drawn(rng, count) for count in cost.shape)
    found = cost[s[:, :, None], e[:, None, :]].mean(1).sum(-1) / tasks[e].sum(-1)
    low, high = np.quantile(found, EDGES)
    return float(low), float(high)


def relative(cost: np.ndarray, base: np.ndarray) -> tuple[float, float, float, float]:
    """(IQM, low, high, mean) of the per cents by which cost (seeds, episodes) is above base (other
    seeds, episodes): each seed against each."""
    part = 100 * (cost[:, None] / base - 1)  # (seeds, other seeds, episodes)
    rng = rng_for("bootstrap", cost.tolist(), base.tolist())
    s, o, e = (drawn(rng, count) for count in part.shape)
    some = part[s[:, :, None, None], o[:, None, :, None], e[:, None, None, :]]
    low, high = np.quantile(iqm(some.reshape(RESAMPLES, -1)), EDGES)
    mean = 100 * (cost.mean(0).sum() / base.mean(0).sum() - 1)
    return float(iqm(part.ravel())), float(low), float(high), float(mean)


def shown(found: tuple[float, float, float, float]) -> str:
    return "{:.2f} ({:.2f} to {:.2f}), {:.2f}".format(*found)


def ruled(problem: Problem, data: Data, rule: str) -> Played:
    found = problem.evaluate(data, problem.follow(data, rule, rng_for("rules", rule)))
    single = rule.endswith(SINGLE) or rule in ("local", "own")
    return Played(
        rule.removesuffix(SINGLE), single, found.objective[None], found.terms["late"][None]
    )


def learnt(files: list[Path], problem: Problem, data: Data) -> dict[str, Played]:
    """The policies, by what they are and where they may send tasks."""
    groups: dict[tuple[Any, str], list[tuple[Any, Any]]] = defaultdict(list)
    for file in files:
        learner, net, trained, head = learners.load(file)
        limited = replace(problem, forwarding=trained.forwarding)
        kind = {"single": 0.0, "bits": 1.0, "double": 2.0}[trained.forwarding]
        seen = {**data, "forwarding": np.full_like(data["forwarding"], kind)}
        act = {name: block[:, 0] for name, block in learner.act(net, limited, seen).items()}
        found = limited.evaluate(seen, act)
        assert found.feasible().all()
        groups[learner, trained.forwarding].append((found, head))
    return dict(group(*key, every) for key, every in groups.items())


def group(learner: Any, forwarding: str, every: list[tuple[Any, Any]]) -> tuple[str, Played]:
    """(label, episodes) of a learner's seeds."""
    cost = np.stack([found.objective for found, _ in every])
    late = np.stack([found.terms["late"] for found, _ in every])
    spent = [f"{np.mean([head[key] for _, head in every]):,.0f}" for key in ("steps", "seconds")]
    few = getattr(learner, "modes", 3) == 2
    whole = str(replace(learner, modes=3)) if few else str(learner)
    label = f"`{learner}`" + (f", {forwarding}" if forwarding != "double" else "")
    label += f", {len(every)} seeds" if len(every) > 1 else ""
    trained = f"{spent[0]} steps, {spent[1]} s"
    return label, Played(whole, few or forwarding == "single", cost, late, trained)


def reference(args: argparse.Namespace, problem: Problem, data: Data) -> np.ndarray | None:
    """(objective, proven bound) of `exact` on the first episodes, (2, known); None: it refuses."""
    if not args.seconds:
        return None
    found = []
    for i in range(min(args.known, args.count)):
        kept = json.loads(args.reference.read_text()) if args.reference.is_file() else {}
        one = Instance("a3c", problem.version, {k: v[i] for k, v in data.items()}, name=f"{i}")
        if (key := f"{one.digest} {args.seconds:g}") not in kept:
            try:
                result = solve(problem, one, "exact", seconds=args.seconds)
            except UserError as error:
                print(f"No reference: {error}\n")
                return None
            bound = result.bound if result.bound is not None else float("nan")
            kept[key] = [float(result.objective), float(bound)]
            args.reference.write_text(json.dumps(kept, indent=0))
        found.append(kept[key])
    return np.array(found, float).T


def table(args: argparse.Namespace, density: float) -> dict[str, Played]:
    """Prints the table of one density."""
    problem = problems.load("a3c", args.preset, density=density)
    data = problem.sample(np.random.default_rng(args.seed), (args.count,))
    tasks = data["has"].sum((-2, -1))
    best = reference(args, problem, data)
    played = {rule: ruled(problem, data, rule) for rule in args.rules}
    base = {s: ruled(problem, data, args.over + SINGLE * s).cost for s in (False, True)}
    played |= learnt(args.files, problem, data)
    print(f"`{args.preset}`, density {density:g}, {args.count} episodes, {tasks.mean():.0f} tasks")
    if best is not None:
        known = best.shape[-1]
        a_task, gap = best[0].sum() / tasks[:known].sum(), best[0].sum() / best[1].sum() - 1
        print(f"clairvoyant: {a_task:.4f} in {known} of them, certified to {100 * gap:.2f} %")
    print(f"\n| | cost | late | % over {args.over} | gap % | to the bound % | by seed | |")
    print("|---|---|---|---|---|---|---|---|")
    for name, one in played.items():
        gaps = [""] * 2 if best is None else [gap_to(one, best[k]) for k in (0, 1)]
        row = [name, *costs(one, tasks), shown(relative(one.cost, base[one.single])), *gaps]
        row.append(" ".join(f"{x:.4f}" for x in one.cost.sum(1) / tasks.sum()))
        print("| " + " | ".join([*row, one.trained]) + " |", flush=True)
    print()
    return {name: replace(one, cost=one.cost / tasks.mean()) for name, one in played.items()}


def gap_to(one: Played, best: np.ndarray) -> str:
    """To the costs (known,) of the first episodes."""
    return shown(relative(one.cost[:, : len(best)], best[None]))


def costs(one: Played, tasks: np.ndarray) -> tuple[str, str]:
    """What a task costs, and the share of those that are late."""
    low, high = interval(one.cost, tasks)
    every = tasks.sum() * len(one.cost)
    return f"{one.cost.sum() / every:.4f} ({low:.4f}–{high:.4f})", f"{one.late.sum() / every:.3f}"


def leads(tables: dict[float, dict[str, Played]]) -> None:
    """What double offloading saves against single: per cent, and the mean a task."""
    print("| double over single, % | " + " | ".join(f"{rho:g}" for rho in tables) + " |")
    print("|---" * (1 + len(tables)) + "|")
    first = next(iter(tables.values()))
    alone = {one.kind: name for name, one in first.items() if one.single}
    for name, one in first.items():
        if one.single or one.kind not in alone:
            continue
        row = []
        for played in tables.values():
            two, single = played[name].cost, played[alone[one.kind]].cost
            middle, low, high, mean = (-x for x in relative(two, single))
            less = single.mean() - two.mean()
            row.append(f"{middle:.2f} ({high:.2f} to {low:.2f}), {mean:.2f}; {less:.4f}")
        print(f"| {name} | " + " | ".join(row) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--preset", default="clean")
    parser.add_argument("--densities", type=float, nargs="*", default=[0.3, 0.5, 0.7, 0.9])
    parser.add_argument("--count", type=int, default=60, help="episodes a density")
    parser.add_argument("--known", type=int, default=20, help="of them, with a reference")
    parser.add_argument("--seed", type=int, default=SEED, help="of the episodes")
    parser.add_argument("--rules", nargs="*", default=RULES.split())
    parser.add_argument("--over", default="drift", help="the rule to compare with; mdp on lattice")
    parser.add_argument("--seconds", type=float, default=10.0, help="of exact, an episode; 0: none")
    parser.add_argument("--reference", type=Path, default=Path("a3c-reference.json"))
    args = parser.parse_args()
    threadpool_limits(1)
    leads({density: table(args, density) for density in args.densities})


if __name__ == "__main__":
    main()
