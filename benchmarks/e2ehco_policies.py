"""How far heuristics and policies are from the proven optimum of steps of e2ehco, in Markdown.

python benchmarks/e2ehco_policies.py [POLICY.zip …] [--traces DIR] [--on clean hard:n_users=13]
                                     [--k 8] [--count 2000]

Gaps are means of cost / proven optimum - 1. With --traces the steps are of the traces of part
"test". Microseconds are the processor's, all steps at once, completing and judging included.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import learners, problems, solve
from toolkit.arrays import Data
from toolkit.instances import Instance
from toolkit.learners._completing import decode
from toolkit.problems import Problem
from toolkit.problems.e2ehco import _ranking_kernels as kernels
from toolkit.problems.e2ehco._option_kernels import SHARP
from toolkit.problems.e2ehco.ranking import LIMIT, nearest, polished
from toolkit.problems.e2ehco.tables import tables

SEED, OPTIMAL, STARTS = 20261122, 1e-9, (1, 4, 16)  # nothing was trained or tuned on this seed
Method = Callable[[Problem, Data], np.ndarray]  # to choices (rows, k, users)


def drawn(count: int) -> Method:
    """Uniform choices."""

    def choose(problem: Problem, data: Data) -> np.ndarray:
        shape = (len(data["bits"]), count, problem.n_users)
        dice = np.random.default_rng(SEED)
        return dice.integers(0, problem.n_servers + 1, shape).astype(float)

    return choose


def greedy(heavy: bool) -> Method:
    """User after user takes what adds least, by number or the heaviest first."""

    def choose(problem: Problem, data: Data) -> np.ndarray:
        cost, weight = tables(data)
        choices = np.zeros(cost.shape[:2], np.int64)
        order = np.argsort(-weight.mean(-1), -1) if heavy else np.arange(choices.shape[1])
        for row, who in enumerate(np.broadcast_to(order, choices.shape)):
            kernels.greedy(who, cost[row], weight[row], choices[row])
        return choices[:, None].astype(float)

    return choose


def better(method: Method, pairs: bool) -> Method:
    """Best responses from a method's choices, and moves of pairs."""
    return lambda problem, data: polished(spread(data), method(problem, data), pairs)


def policy(file: Path, k: int) -> Method:
    """The k guesses of a trained policy."""
    learner, net, *_ = learners.load(file)
    return lambda problem, data: learner.act(net, problem, data, k)["server"]


class Surest:
    """In place of a network: how far an option is from the user's best one, by one feature."""

    def __init__(self, column: int) -> None:
        self.column = column

    def scores(self, seen: np.ndarray) -> np.ndarray:
        """The squash 3 x / (1/2 + x) of the feature undone, x in units of the mean local cost."""
        shown = seen[..., self.column].astype(float)
        return -SHARP * 0.5 * shown / (3.0 - shown)


def surest(column: int) -> Method:
    """User after user, the one first whose best option is ahead of its others by most."""

    def choose(problem: Problem, data: Data) -> np.ndarray:
        rows = np.arange(len(data["bits"]))
        found = decode(Surest(column), problem.options(data), rows, problem.n_users, 64)
        return found[:, None].astype(float)

    return choose


def spread(data: Data) -> dict[str, np.ndarray]:
    """The data of rows beside which choices have an axis of their own."""
    return {key: value[:, None] for key, value in data.items()}


def methods(files: list[Path], problem: Problem, guesses: int) -> dict[str, Method]:
    """All that is compared, by name; policies also with so many `guesses`."""
    near: Method = lambda problem, data: nearest(data)[:, None]  # noqa: E731
    out: dict[str, Method] = {
        "all local": lambda problem, data: np.zeros((len(data["bits"]), 1, problem.n_users)),
        "random": drawn(1),
        "nearest": near,
        f"nearest, limit {LIMIT}": lambda problem, data: nearest(data, LIMIT)[:, None],
        "greedy, by number": greedy(False),
        "greedy, heavy first": greedy(True),
        "greedy, surest first": surest(5),
        "the same beside the expected crowd": surest(8),
        "best responses from greedy": better(greedy(False), False),
        "best responses from nearest": better(near, False),
    }
    out |= {f"with pairs, random × {k}": better(drawn(k), True) for k in STARTS}
    for file in files:
        learner, _, trained, _ = learners.load(file)
        if learner.one_size and (trained.n_users, trained.n_servers) != (
            problem.n_users,
            problem.n_servers,
        ):
            continue
        out[file.stem] = policy(file, 1)
        if not learner.one_size:
            if guesses > 1:
                out[f"{file.stem}, best of {guesses}"] = policy(file, guesses)
            out[f"{file.stem} + best responses"] = better(policy(file, 1), False)
            out[f"{file.stem} + pairs"] = better(policy(file, 1), True)
    return out


def worth(problem: Problem, data: Data, choices: np.ndarray) -> np.ndarray:
    """The cost of the best of the choices of each step, (rows,)."""
    decision = problem.complete(spread(data), {"server": choices})
    return np.asarray(problem.evaluate(spread(data), decision).objective).min(1)


def optima(problem: Problem, data: Data) -> np.ndarray:
    """The proven optimum of each step, (rows,)."""
    found = []
    for row in range(len(data["bits"])):
        one = {key: value[row] for key, value in data.items()}
        result = solve(problem, Instance(problem.name, problem.version, one), "exact", seconds=600)
        assert result.status == "optimal"
        found.append(result.objective)
    return np.array(found)


def report(where: str, problem: Problem, data: Data, compared: dict[str, Method]) -> None:
    best = optima(problem, data)
    print(f"\n{where}, {len(best)} steps\n\n| | gap | 95 % of steps | optimal | distinct | µs |")
    print("|---|---|---|---|---|---|")
    few = {key: value[:2] for key, value in data.items()}
    for name, method in compared.items():
        worth(problem, few, method(problem, few))  # compiles
        begun = time.process_time()
        choices = method(problem, data)
        gap = worth(problem, data, choices) / best - 1
        each = (time.process_time() - begun) / len(best) * 1e6
        cells = (
            name,
            f"{100 * max(gap.mean(), 0.0):.2g} %",
            f"{np.quantile(gap, 0.95):.2%}",
            f"{np.mean(gap <= OPTIMAL):.1%}",
            f"{len(np.unique(choices[:, 0], axis=0))}",
            f"{each:.0f}",
        )
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--on", nargs="+", default=["clean"], metavar="PRESET:FIELD=N")
    parser.add_argument("--traces", default="")
    parser.add_argument("--k", type=int, default=8, help="guesses of policies; 1: only the first")
    parser.add_argument("--count", type=int, default=2000)
    args = parser.parse_args()
    threadpool_limits(1)
    for where in args.on:
        preset, *sizes = where.split(":")
        fields = {key: int(value) for key, value in (size.split("=") for size in sizes)}
        part = "test" if args.traces else "all"
        problem = problems.load("e2ehco", preset, traces=args.traces, part=part, **fields)
        data = problem.sample(np.random.default_rng(SEED), (args.count,))
        report(where, problem, data, methods(args.files, problem, args.k))


if __name__ == "__main__":
    main()
