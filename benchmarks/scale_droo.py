"""How long `droo` takes to be solved: batches in one call, and `exact` with its certificate.

python benchmarks/scale_droo.py [--n 10 100 300 1000 10000] [--instances 40] [--gap 1e-6]
                                [--rows 20000] [--published FILE.npz]

First table: `Droo.best` on `--rows` instances of the law `paper` (n = 10), on FILE (the authors'
data_10), and on batches of `scaled` that have as many numbers. Second: whole calls of `exact`,
judging included, on preset `scaled` (a fifth of the instances beyond n = 1,000). Processor time of
one thread; compilation is off the clock.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import toolkit
from toolkit.arrays import Data
from toolkit.problems.droo.search import best_modes

HEAD = "| batch of | rows | us a row | rows a s | nodes mean / most | gap ≤ |"


def batches(rows: int, sizes: list[int], published: Path | None) -> Iterator[tuple[str, Data]]:
    """(name, data) of every batch."""
    rng = np.random.default_rng(0)
    paper = toolkit.make("droo", "paper")
    yield "paper, n = 10", paper.sample(rng, (rows,))
    if published is not None:
        with np.load(published) as file:
            found = paper.published(dict(file))
        yield published.name, found.data
    for n in sizes:
        for continuous in (False, True):
            problem = toolkit.make("droo", "scaled", n_users=n, continuous_weights=continuous)
            name = f"scaled, n = {n:,}, {'continuous' if continuous else 'two'} weights"
            yield name, problem.sample(rng, (max(8, 10 * rows // n),))


def batched(name: str, data: Data, gap: float) -> str:
    problem = toolkit.make("droo")
    problem.best({key: value[:2] for key, value in data.items()}, gap)
    begun = time.process_time()
    problem.best(data, gap)
    spent = time.process_time() - begun
    said = best_modes(data, gap)
    rows, proven = len(said.rates), float(np.max(said.bounds / said.rates - 1))
    nodes = f"{said.nodes.mean():.1f} / {said.nodes.max()}"
    cells = (name, f"{rows:,}", f"{1e6 * spent / rows:.3g}", f"{rows / spent:,.0f}", nodes)
    return f"| {' | '.join(cells)} | {proven:.1e} |"


def exact(n: int, continuous: bool, instances: int, gap: float) -> str:
    problem = toolkit.make("droo", "scaled", n_users=n, continuous_weights=continuous)
    spent, nodes, share, open_ = [], [], [], 0
    for index in range(instances + 1):
        instance, begun = problem.instance(index), time.process_time()
        result = toolkit.solve(problem, instance, "exact", gap=gap, seconds=60)
        spent.append(1e3 * (time.process_time() - begun))
        assert result.certificate is not None
        assert result.decision is not None
        nodes.append(len(result.certificate.body["nodes"]))
        share.append(float(result.decision["offload"].mean()))
        open_ += result.gap is None or result.gap > gap
    middle, high, most = np.quantile(spent[1:], (0.5, 0.95, 1.0))
    law = "continuous" if continuous else "two"
    offload = " – ".join(f"{q:.2f}" for q in np.quantile(share, (0.05, 0.95)))
    counts = f"{np.median(nodes):.0f} / {max(nodes)}"
    times = f"{middle:.3g} / {high:.3g} / {most:.3g}"
    return f"| {n:,}, {law} | {times} | {counts} | {offload} | {open_} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="*", default=[10, 100, 300, 1000, 10_000])
    parser.add_argument("--instances", type=int, default=40)
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--published", type=Path)
    args = parser.parse_args()
    print(HEAD, "|---|---|---|---|---|---|", sep="\n")
    for name, data in batches(args.rows, args.n, args.published):
        print(batched(name, data, args.gap), flush=True)
    print("\n| n, weights | ms median / p95 / most | nodes median / most | offload 5–95 % | open |")
    print("|---|---|---|---|---|")
    for n in args.n:
        for continuous in (False, True):
            count = args.instances if n <= 1000 else max(8, args.instances // 5)
            print(exact(n, continuous, count, args.gap), flush=True)


if __name__ == "__main__":
    main()
