"""What `ddlo` and `droo` reach on published rows that they were not trained on, seed by seed.

python benchmarks/learner_seeds.py DIRECTORY [--seeds 3] [--only ddlo] [--frames 16000]

DIRECTORY holds the published files as ddlo/mumt_3x3_first5000.npz, droo/data_10_first2000.npz.
`ddlo` trains on rows 0-3,999, in turn, `droo` on frames of the generator; a held-out row that is
also a training row is left out. Ratios: found to published optimum (rates), the inverse (costs).
"""

import argparse
from pathlib import Path

import numpy as np

from toolkit import learners, problems
from toolkit.arrays import Data
from toolkit.instances import read_arrays
from toolkit.learners import Learner, Training, fit
from toolkit.problems import Problem

KINDS = {
    "ddlo": {
        f"{preset}, nets {nets}": {"preset": preset, "nets": nets}
        for preset, counts in (("paper", (1, 3, 5, 10)), ("tuned", (1, 3, 5)))
        for nets in counts
    },
    "droo": {
        f"{preset}, {quantiser}": {"preset": preset, "quantiser": quantiser}
        for preset in ("paper", "tuned")
        for quantiser in ("order", "knn")
    },
}
FILES = {"ddlo": "ddlo/mumt_3x3_first5000.npz", "droo": "droo/data_10_first2000.npz"}
LOOKS = {"ddlo": "size", "droo": "gain"}  # what tells rows apart
FRAMES = {"ddlo": 16_000, "droo": 10_000}
TRAINED = 4000  # rows of ddlo


def rows_of(data: Data, chosen: slice | np.ndarray) -> dict[str, np.ndarray]:
    """Some rows."""
    return {key: value[chosen] for key, value in data.items()}


def fresh(trained: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Numbers of the held-out rows that are no training row and no earlier held-out row."""
    seen, kept = {row.tobytes() for row in trained}, []
    for index, row in enumerate(held):
        if row.tobytes() not in seen:
            seen.add(row.tobytes())
            kept.append(index)
    return np.array(kept, int)


def split(name: str, directory: Path) -> tuple[Problem, Data | None, Data, np.ndarray]:
    """(problem, rows to train on or None: the generator's, held-out rows, their optima)."""
    problem = problems.load(name, "paper")
    found = problem.published(read_arrays(directory / FILES[name]))
    looks = found.data[LOOKS[name]]
    count = TRAINED if name == "ddlo" else 0
    kept = count + fresh(looks[:count], looks[count:])
    trained = rows_of(found.data, slice(0, count)) if count else None
    return found.problem, trained, rows_of(found.data, kept), found.objective[kept]


def ratios(learner: Learner, net, problem: Problem, data: Data, optima: np.ndarray) -> np.ndarray:
    """Of the best of the learner's candidates on each row, 1 where that is optimal."""
    decision = learner.act(net, problem, data, learner.tries(net))
    worth = problem.evaluate({key: value[:, None] for key, value in data.items()}, decision)
    loss = (problem.sign * worth.objective).min(1)
    return optima / loss if problem.sign > 0 else -loss / optima


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=list(KINDS))
    parser.add_argument("--frames", type=int)
    args = parser.parse_args()
    for name in [args.only] if args.only else KINDS:
        problem, trained, held, optima = split(name, args.directory)
        frames = args.frames or FRAMES[name]
        print(f"\n{name}: {frames} frames, judged on {len(optima)} distinct rows\n")
        print("| | mean, by seed | mean | optimal | worst row, by seed | candidates |")
        print("|---|---|---|---|---|---|", flush=True)
        for label, given in KINDS[name].items():
            learner = learners.registry.build(name, **given)
            found, tries = [], []
            for seed in range(args.seeds):
                steps = frames // learner.settings.frames
                run = Training(problem=problem, seed=seed, max_steps=steps, frames=trained)
                net = fit(learner, run)
                found.append(ratios(learner, net, problem, held, optima))
                tries.append(str(learner.tries(net)))
            each = np.array(found)
            cells = (
                label,
                " ".join(f"{value:.5f}" for value in each.mean(1)),
                f"{each.mean():.5f}",
                f"{np.mean(each > 1 - 1e-6):.1%}",
                " ".join(f"{value:.4f}" for value in each.min(1)),
                " ".join(tries),
            )
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
