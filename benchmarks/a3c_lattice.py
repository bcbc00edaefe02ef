"""The best policy without foresight on a preset's lattice, beside rules and the clairvoyant.

python benchmarks/a3c_lattice.py [--preset lattice-slow] [--densities 0.5 0.7 0.9]
    [--episodes 2000] [--known 20]

Means are costs over numbers of tasks; errors are standard ones. Rules play the same episodes.
Waits: of the tasks that `mdp` sends, those that find work of an earlier slot at their server; and
of the slots and servers, those to which it sends two tasks or more.
"""

import argparse
import time

import numpy as np

from toolkit import problems
from toolkit.instances import rng_for
from toolkit.problems.a3c import lattice

RULES = ("greedy", "drift", "least-loaded", "own", "greedy-single", "drift-single")


def expected(preset, density, kind):
    """The plan of the law, and the processor seconds that it took."""
    problem = problems.load("a3c", preset, density=density, forwarding=kind)
    times = lattice.Lattice.of(problem.instance().data)
    begun = time.process_time()
    return times.plan(), time.process_time() - begun


def hindsight(problem, data, cost, count):
    """Cost with all tasks known over the policy's, episode by episode: least, mean, most."""
    rows = ({key: value[k] for key, value in data.items()} for k in range(count))
    ratio = np.array([lattice.in_hindsight(row)[0] for row in rows]) / cost[:count]
    return f"{ratio.min():.4f} {ratio.mean():.4f} {ratio.max():.4f}"


def waits(times, target):
    """(share of sent tasks that wait for an earlier slot's, share of servers' slots with two tasks)
    of targets (episodes, slots, devices)."""
    sent = np.stack([(target == s + 1).sum(-1) for s in range(len(times.server))], axis=-1)
    queue, late = np.zeros((len(target), len(times.server))), 0.0
    for t in range(times.slots):
        left = np.maximum(queue - times.upload, 0)
        late += (sent[:, t] * (left > 0)).sum()
        queue = np.maximum(left + sent[:, t] * times.server - (times.slot - times.upload), 0)
    return late / sent.sum(), (sent > 1).mean()


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--preset", default="lattice")
    asked.add_argument("--densities", type=float, nargs="+", default=[0.5, 0.7, 0.9])
    asked.add_argument("--episodes", type=int, default=2000)
    asked.add_argument("--known", type=int, default=20)
    given = asked.parse_args()
    for density in given.densities:
        expected(given.preset, density, "double")  # compiles
        problem = problems.load("a3c", given.preset, density=density)
        data = problem.sample(rng_for("lattice"), (given.episodes,))
        tasks = data["has"].sum((-2, -1)).mean()
        cost = {
            rule: problem.evaluate(data, problem.follow(data, rule, rng_for(rule))).objective
            for rule in ("mdp", "mdp-single", *RULES)
        }
        for rule, kind in (("mdp", "double"), ("mdp-single", "single")):
            plan, seconds = expected(given.preset, density, kind)
            error = cost[rule].std() / np.sqrt(given.episodes)
            print(
                f"{density} {rule}: J* {plan.cost_per_task:.5f} a task, {plan.cost:.4f} an episode;"
                f" played {cost[rule].mean():.4f} +- {error:.4f},"
                f" {(cost[rule].mean() - plan.cost) / error:+.1f} errors; {seconds:.1f} s",
                flush=True,
            )
        target = problem.follow(data, "mdp", rng_for("mdp"))["target"]
        times = lattice.Lattice.of({key: value[0] for key, value in data.items()})
        print("   waits, twos: {:.3f}, {:.3f}".format(*waits(times, target)))
        print("   clairvoyant / mdp:", hindsight(problem, data, cost["mdp"], given.known))
        print(
            "   cost a task:", {rule: round(float(c.mean() / tasks), 4) for rule, c in cost.items()}
        )


if __name__ == "__main__":
    main()
