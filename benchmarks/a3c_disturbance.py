"""How soon policies of `a3c` recover from a disturbance, in Markdown.

python benchmarks/a3c_disturbance.py [POLICY.zip …] [--density 0.7] [--burst 10 13]
python benchmarks/a3c_disturbance.py --training a2c a3c[workers=1] [--steps 200]

In the episode: in the slots of --burst every task goes where it adds the most to the cost,
whatever the policy says; then the policy is left alone. The same episodes are also played
without; `excess` is what the disturbance adds to the cost of all tasks that come after the burst,
by slot, in multiples of an undisturbed task's; recovered is the first slot after the burst from
which on it stays below --within, in slots.

In training: after --steps steps what a learner has learnt is turned round (the last layer's
weights change their sign: what scored well scores badly), and it goes on learning, at the rate at
which it began, for as many steps again. `recovered` is how many steps later its policy first
costs at most --within more than before, on unseen episodes; it is looked at every --every steps.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from toolkit import learners, problems
from toolkit.arrays import Data
from toolkit.component import parse_spec
from toolkit.learners import Learner, Training, fit
from toolkit.learners._queue_views import MODES, View
from toolkit.problems import Problem

SEED = 20261123  # nothing was trained or tuned on this seed

Pick = Callable[[View], np.ndarray]  # modes (rows, entities)


def slots_of(
    problem: Problem,
    data: Data,
    burst: tuple[int, int] | None,
    mode: Pick,
    heads: str,
    modes: int,
) -> np.ndarray:
    """What the tasks of each slot add to the cost, (episodes, slots)."""
    view = View(problem, data, heads, burst=burst, modes=modes)
    out = np.zeros(data["has"].shape[:2])
    while not view.over:
        slot = np.minimum(view.see().slot, out.shape[1] - 1)
        out[np.arange(len(out)), slot] -= view.step(mode(view))
    return out


def greedy(view: View) -> np.ndarray:
    seen = view.see()
    return np.where(seen.allowed, seen.marginal, np.inf).argmin(-1)


def everything(args: argparse.Namespace) -> dict[str, tuple[str, int, Pick]]:
    """(heads, modes, what picks modes) of the rule and of each policy."""
    out: dict[str, tuple[str, int, Pick]] = {"greedy": ("task", MODES, greedy)}
    for file in args.files:
        learner, net, *_ = learners.load(file)
        out[f"`{file.stem}`"] = (
            getattr(learner, "heads", "task"),
            learner.modes,
            learner.picks(net),
        )
    return out


def in_episodes(args: argparse.Namespace) -> None:
    problem = problems.load("a3c", args.preset, density=args.density, slots=args.slots)
    data = problem.sample(np.random.default_rng(SEED), (args.count,))
    tasks = data["has"].sum(-1)
    last = args.burst[1]
    print(f"`{args.preset}`, density {args.density:g}, burst in slots {args.burst}\n")
    print("| | undisturbed | disturbed | excess of the slots after the burst | recovered after |")
    print("|---|---|---|---|---|")
    for name, (heads, modes, mode) in everything(args).items():
        calm, upset = (
            slots_of(problem, data, b, mode, heads, modes) for b in (None, tuple(args.burst))
        )
        usual = calm.sum() / tasks.sum()
        excess = (upset - calm).sum(0) / tasks.sum(0) / usual
        high = np.flatnonzero(excess[last:] > args.within)
        after = int(high[-1]) + 1 if len(high) else 0
        shown = " ".join(f"{x:.2f}" for x in excess[last : last + 8])
        end = f"{after} slots" if last + after < args.slots else "not"
        print(f"| {name} | {usual:.4f} | {upset.sum() / tasks.sum():.4f} | {shown} | {end} |")


def cost_of(learner: Learner, net, problem: Problem, data: Data) -> float:
    """A task's mean cost under the policy as it is."""
    found = {name: block[:, 0] for name, block in learner.act(net, problem, data).items()}
    return float(problem.evaluate(data, found).objective.sum() / data["has"].sum())


def in_training(args: argparse.Namespace) -> None:
    problem = problems.load("a3c", args.preset, density=args.density, slots=args.slots)
    data = problem.sample(np.random.default_rng(SEED), (args.count,))
    print(f"`{args.preset}`, density {args.density:g}, disturbed after {args.steps} steps\n")
    print("| | at first | before | disturbed | at the end | recovered after |")
    print("|---|---|---|---|---|---|")
    for text in args.training:
        name, given = parse_spec(text, "learner")
        learner = learners.registry.build(name, **given)
        costs: dict[int, float] = {}

        def look(net, run: Training, one: Learner = learner, kept: dict = costs) -> None:
            if run.step == args.steps:
                kept[0 - run.step] = cost_of(one, net, problem, data)
                turn_round(net)
            if run.step % args.every == 0 or run.step == 1:
                kept[run.step] = cost_of(one, net, problem, data)

        run = Training(problem=problem, max_steps=2 * args.steps, seed=args.seed)
        run.checkpoint, run.save_every = look, 0.0
        fit(replace(learner, last_rate=learner.rate), run)  # as ready to learn at any time
        before, steps = costs.pop(-args.steps), args.steps
        later = [s for s in costs if s >= steps and costs[s] <= before * (1 + args.within)]
        end = f"{min(later) - steps} steps" if later else "not"
        shown = (costs[1], before, costs[steps], costs[max(costs)])
        print(f"| `{text}` | " + " | ".join(f"{x:.4f}" for x in shown) + f" | {end} |", flush=True)


def turn_round(net) -> None:
    """What is learnt of modes is turned into its contrary."""
    scores = net.actor if hasattr(net, "actor") else net.scores
    with torch.no_grad():
        for part in scores.layers[-1].parameters():
            part.neg_()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--preset", default="clean")
    parser.add_argument("--density", type=float, default=0.7)
    parser.add_argument("--slots", type=int, default=30)
    parser.add_argument("--count", type=int, default=60, help="episodes")
    parser.add_argument("--burst", type=int, nargs=2, default=[10, 13])
    parser.add_argument("--within", type=float, default=0.02)
    parser.add_argument("--training", nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    threadpool_limits(1)
    if args.training:
        in_training(args)
    else:
        in_episodes(args)


if __name__ == "__main__":
    main()
