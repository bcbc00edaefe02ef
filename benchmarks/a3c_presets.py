"""How busy servers are, and what two plain choices cost, by preset and density, as a table.

python benchmarks/a3c_presets.py 60 clean clean-7-1 large       # episodes, presets
"""

import sys

import numpy as np

from toolkit import problems
from toolkit.arrays import Data
from toolkit.instances import rng_for
from toolkit.problems import Problem

DENSITIES = (0.3, 0.5, 0.7, 0.9)


def main(episodes: int, *presets: str) -> None:
    print("| preset | density | busiest, all | local [late] | own [late] |\n|---|---|---|---|---|")
    for preset in presets:
        for density in DENSITIES:
            problem = problems.load("a3c", preset, density=density)
            data = problem.sample(rng_for("a3c presets"), (episodes,))
            own = data["has"] * (data["region"] + 1)[:, None]
            costs = " | ".join(cost(problem, data, target) for target in (0 * own, own))
            print(f"| `{preset}` | {density} | {load(data)} | {costs} |")


def load(data: Data) -> str:
    """Work of all own tasks over what a server can do: of the busiest, and of all together."""
    servers = data["server_cpu"].shape[-1]
    at = data["region"][:, None, :, None] == np.arange(servers)
    work = (data["cycles"][..., None] * at).sum((1, 2)).mean(0)
    room = (data["server_cpu"] * data["slot"][:, None]).mean(0) * data["has"].shape[1]
    return f"{(work / room).max():.2f}, {work.sum() / room.sum():.2f}"


def cost(problem: Problem, data: Data, target: np.ndarray) -> str:
    """Mean cost of a task, its standard error, and the share of late tasks."""
    found, tasks = problem.evaluate(data, {"target": target}), data["has"].sum((-2, -1))
    each = found.objective / tasks
    late = found.terms["late"].sum() / tasks.sum()
    return f"{each.mean():.3f} ± {each.std(ddof=1) / len(each) ** 0.5:.3f} [{late:.2f}]"


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
