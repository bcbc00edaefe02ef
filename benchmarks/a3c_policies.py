"""What rules and trained policies of `a3c` cost on unseen episodes, in Markdown.

python benchmarks/a3c_policies.py [POLICY.zip …] [--preset clean] [--densities 0.3 0.5 0.7 0.9]
    [--count 60] [--rules greedy drift …] [--over drift] [--seconds 5] [--reference FILE.json]

One table a density. Files of one learner and one forwarding differ in their seed. `cost` is the
mean over tasks, with its 95 % interval: bootstrap over episodes, and over seeds; `late` the share
of tasks over their tolerance; `IQM` the mean of the middle half of the episodes' costs a task, of
all seeds; `over` how much more it costs than the rule of --over (with -single for policies that
only send to their own server). Gaps are to the best decision that `exact` finds in --seconds with
the whole episode known (0: none), and to its proven bound; they are kept in --reference. At last,
what double offloading saves, for every kind of policy of which both were given.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import learners, problems, solve
from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.problems.a3c.rules import SINGLE

SEED, RESAMPLES, LEVEL = 20261122, 2000, 0.95  # nothing was trained or tuned on this seed
RULES = "local least-loaded jsq greedy-single drift-single greedy drift"


@dataclass
class Played:
    """A policy's episodes: cost (seeds, episodes), and how many tasks were late."""

    single: bool
    cost: np.ndarray
    late: np.ndarray
    trained: str = ""  # steps and seconds


def resampled(cost: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """The interval of the sum of cost (seeds, episodes) over the sum of weight (episodes,)."""
    rng = np.random.default_rng(SEED)
    seeds, episodes = cost.shape
    found = []
    for _ in range(RESAMPLES):
        s, e = rng.integers(seeds, size=seeds), rng.integers(episodes, size=episodes)
        found.append(cost[s][:, e].sum() / weight[e].sum() / seeds)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def iqm(values: np.ndarray) -> float:
    """The mean of the middle half."""
    ordered, cut = np.sort(values.ravel()), values.size // 4
    return float(ordered[cut : values.size - cut].mean())


def percent(cost: np.ndarray, base: np.ndarray) -> str:
    """How much more it costs than base (episodes,), with its interval."""
    low, high = (100 * (end - 1) for end in resampled(cost, base))
    return f"{100 * (cost.mean(0).sum() / base.sum() - 1):.2f} ({low:.2f} to {high:.2f})"


def ruled(problem: Problem, data: Data, rule: str) -> Played:
    found = problem.evaluate(data, problem.follow(data, rule, rng_for("rules", rule)))
    single = rule.endswith(SINGLE) or rule in ("local", "own")
    return Played(single, found.objective[None], found.terms["late"][None])


def learnt(files: list[Path], problem: Problem, data: Data) -> dict[str, Played]:
    """The policies, by what they are and where they may send tasks."""
    kinds: dict[tuple[str, str], list] = defaultdict(list)
    for file in files:
        learner, net, trained, head = learners.load(file)
        limited = replace(problem, forwarding=trained.forwarding)
        kind = {"single": 0.0, "bits": 1.0, "double": 2.0}[trained.forwarding]
        seen = {**data, "forwarding": np.full_like(data["forwarding"], kind)}
        act = {name: block[:, 0] for name, block in learner.act(net, limited, seen).items()}
        found = limited.evaluate(seen, act)
        assert found.feasible().all()
        kinds[str(learner), trained.forwarding].append((found, head))
    out = {}
    for (name, forwarding), every in kinds.items():
        cost, late = (
            np.stack(part)
            for part in zip(*((f.objective, f.terms["late"]) for f, _ in every), strict=True)
        )
        spent = [
            f"{np.mean([head[key] for _, head in every]):,.0f}" for key in ("steps", "seconds")
        ]
        single = forwarding == "single" or (name.startswith("dqn") and "modes=3" not in name)
        label = f"`{name}`" + (", single" if single else "")
        out[label] = Played(single, cost, late, f"{spent[0]} steps, {spent[1]} s")
    return out


def reference(args: argparse.Namespace, problem: Problem, data: Data) -> np.ndarray | None:
    """(objective, proven bound) of `exact` on each episode, (episodes, 2); None: it refuses."""
    if not args.seconds:
        return None
    kept = json.loads(args.reference.read_text()) if args.reference.is_file() else {}
    found = []
    for i in range(args.count):
        key = f"{problem} {args.seed} {i} {args.seconds:g}"
        if key not in kept:
            one = Instance("a3c", problem.version, {k: v[i] for k, v in data.items()}, name=key)
            try:
                result = solve(problem, one, "exact", seconds=args.seconds)
            except UserError as error:
                print(f"No reference: {error}\n")
                return None
            bound = result.bound if result.bound is not None else float("nan")
            kept[key] = [float(result.objective), float(bound)]
            args.reference.write_text(json.dumps(kept, indent=0))
        found.append(kept[key])
    return np.array(found, float)


def table(args: argparse.Namespace, density: float) -> dict[str, Played]:
    """Prints the table of one density."""
    problem = problems.load("a3c", args.preset, density=density)
    data = problem.sample(np.random.default_rng(args.seed), (args.count,))
    tasks = data["has"].sum((-2, -1))
    best = reference(args, problem, data)
    played = {rule: ruled(problem, data, rule) for rule in args.rules}
    base = {s: ruled(problem, data, args.over + SINGLE * s).cost[0] for s in (False, True)}
    played |= learnt(args.files, problem, data)
    print(f"`{args.preset}`, density {density:g}, {args.count} episodes, {tasks.mean():.0f} tasks")
    if best is not None:
        gap = 100 * (best[:, 0].sum() / best[:, 1].sum() - 1)
        print(f"clairvoyant {best[:, 0].sum() / tasks.sum():.4f}, certified to {gap:.2f} %")
    print(f"\n| | cost | late | IQM | % over {args.over} | gap % | to the bound % | by seed | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, one in played.items():
        low, high = resampled(one.cost, tasks)
        mean = one.cost.sum() / tasks.sum() / len(one.cost)
        gaps = ["", ""] if best is None else [percent(one.cost, best[:, k]) for k in (0, 1)]
        row = [
            name,
            f"{mean:.4f} ({low:.4f}–{high:.4f})",
            f"{one.late.sum() / tasks.sum() / len(one.cost):.3f}",
            f"{iqm(one.cost / tasks):.4f}",
            percent(one.cost, base[one.single]),
            *gaps,
            " ".join(f"{x:.4f}" for x in one.cost.sum(1) / tasks.sum()) if one.trained else "",
            one.trained,
        ]
        print("| " + " | ".join(row) + " |", flush=True)
    print()
    return {name: replace(one, cost=one.cost / tasks.mean()) for name, one in played.items()}


def leads(tables: dict[float, dict[str, Played]]) -> None:
    """What double offloading saves against single, per cent and a task."""
    print("| double over single | " + " | ".join(f"{rho:g}" for rho in tables) + " |")
    print("|---" * (1 + len(tables)) + "|")
    first = next(iter(tables.values()))
    for name in first:
        other = name + SINGLE if name + SINGLE in first else name + ", single"
        if other in first:
            pairs = [(t[name].cost.mean(), t[other].cost.mean()) for t in tables.values()]
            cells = [f"{100 * (1 - two / one):.1f} % ({one - two:.4f})" for two, one in pairs]
            print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--preset", default="clean")
    parser.add_argument("--densities", type=float, nargs="*", default=[0.3, 0.5, 0.7, 0.9])
    parser.add_argument("--count", type=int, default=60, help="episodes a density")
    parser.add_argument("--seed", type=int, default=SEED, help="of the episodes")
    parser.add_argument("--rules", nargs="*", default=RULES.split())
    parser.add_argument("--over", default="drift", help="the rule to compare with; mdp on lattice")
    parser.add_argument("--seconds", type=float, default=5.0, help="of exact, an episode; 0: none")
    parser.add_argument("--reference", type=Path, default=Path("a3c-reference.json"))
    args = parser.parse_args()
    threadpool_limits(1)
    leads({density: table(args, density) for density in args.densities})


if __name__ == "__main__":
    main()
