"""The ladder of policies that do not learn, below the clairvoyant optimum, as a table.

python benchmarks/dgl_ladder.py clean 24                  # preset, episodes
python benchmarks/dgl_ladder.py clean 24 n_users=50
"""

import sys
import time

import numpy as np

from toolkit import problems
from toolkit.component import parse_value
from toolkit.instances import rng_for
from toolkit.problems._check.base import row
from toolkit.problems.dgl.clairvoyant import clairvoyant


def main(preset: str, episodes: int, **params: object) -> None:
    problem = problems.load("dgl", preset, **params)
    data = problem.sample(rng_for("dgl ladder"), (episodes,))
    best, seconds = [], []
    for i in range(episodes):
        whole = clairvoyant(row(data, i))
        begun = time.perf_counter()
        best.append(whole.solved[0])
        seconds.append(time.perf_counter() - begun)
    print("| rule | reward | % below clairvoyant | ms an episode |\n|---|---|---|---|")
    for rule in problem.rules:
        problem.follow(row(data, slice(0, 1)), rule, rng_for(rule))  # compiles
        begun = time.perf_counter()
        decision = problem.follow(data, rule, rng_for(rule))
        each = (time.perf_counter() - begun) / episodes * 1e3
        reward = problem.evaluate(data, decision).objective
        gap = 100 * (1 - reward / best)
        spread = gap.std(ddof=1) / np.sqrt(episodes)
        below = f"{gap.mean():.1f} ± {spread:.1f}"
        print(f"| `{rule}` | {reward.mean():.2f} | {below} | {each:.0f} |", flush=True)
    print(f"| clairvoyant | {np.mean(best):.2f} | 0 | {1e3 * np.median(seconds):.0f} |")


if __name__ == "__main__":
    given = dict(text.split("=") for text in sys.argv[3:])
    main(sys.argv[1], int(sys.argv[2]), **{key: parse_value(v) for key, v in given.items()})
