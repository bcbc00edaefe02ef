"""Tunes the prices of the rule `drift` of `a3c`, on episodes that nothing else draws.

python benchmarks/a3c_drift.py --preset clean      # a table of one preset
python benchmarks/a3c_drift.py --write [PRESET …] [--effort 2]   # toolkit/problems/a3c/tuned.py

At each density every pair of prices (of servers' work, of devices') of a grid decides the same
episodes, the better ones more of them; of the pairs whose mean cost is near the best one's that
with the least sum is chosen. Prices are in units of what waiting costs times tasks a second.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from toolkit import problems
from toolkit.problems.a3c import A3c, prices
from toolkit.problems.a3c import tuned as module
from toolkit.problems.a3c.tuned import PRICES

HEAD = '''"""The tuned prices of the presets' laws, written by benchmarks/a3c_drift.py."""

from collections.abc import Mapping

# hash of the law -> forwarding -> (servers', devices') prices at each of `prices.DENSITIES`
PRICES: Mapping[str, Mapping[str, tuple[tuple[float, float], ...]]] = {'''


def load(preset: str) -> A3c:
    problem = problems.load("a3c", preset)
    assert isinstance(problem, A3c)
    return problem


def tuned(problem: A3c, effort: int) -> Iterator[tuple[float, prices.Tuned]]:
    for density in prices.DENSITIES:
        yield density, prices.tune(replace(problem, density=density), effort * prices.EFFORT)


def show(preset: str, effort: int) -> None:
    heads = ("offloading", "density", "greedy", "best", "at", "chosen", "at")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    own = load(preset)
    for kind in dict.fromkeys((own.forwarding, "single")):
        for density, found in tuned(replace(own, forwarding=kind), effort):
            pairs = (f"{found.cost[p]:.4f} | {p}" for p in (found.best, found.chosen))
            cells = (kind, str(density), f"{found.cost[0.0, 0.0]:.4f}", *pairs)
            print(f"| {' | '.join(cells)} |", flush=True)


def write(presets: Sequence[str], effort: int) -> None:
    """Tunes for the laws of these presets and keeps what the module has of others."""
    again = {prices.law_of(load(preset)) for preset in presets}
    table: dict[str, dict[str, Sequence[prices.Pair]]] = {}
    names: dict[str, str] = {}
    for preset in A3c.presets:
        own = load(preset)
        law = prices.law_of(own)
        names.setdefault(law, preset)
        kinds = table.setdefault(law, {})
        for kind in dict.fromkeys((own.forwarding, "single")):
            if kind in kinds:
                continue
            kept = None if law in again else PRICES.get(law, {}).get(kind)
            fresh = tuned(replace(own, forwarding=kind), effort)
            kinds[kind] = kept or [found.chosen for _, found in fresh]
            print(preset, kind, *kinds[kind], flush=True)
    Path(module.__file__).write_text(text(table, names))


def text(table: Mapping[str, Mapping[str, Sequence[prices.Pair]]], names: Mapping[str, str]) -> str:
    """The module: one line a pair of prices, as the formatter wants them."""
    lines = [HEAD]
    for law, kinds in table.items():
        lines.append(f'    "{law}": {{  # {names[law]}')
        for kind, pairs in kinds.items():
            lines.append(f'        "{kind}": (')
            lines += [f"            ({server}, {device})," for server, device in pairs]
            lines.append("        ),")
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="clean")
    presets = "presets to tune for; those that the module lacks are tuned in any case"
    parser.add_argument("--write", nargs="*", choices=sorted(A3c.presets), help=presets)
    parser.add_argument("--effort", type=int, default=2, help="times that of tuning when asked for")
    args = parser.parse_args()
    threadpool_limits(1)
    if args.write is not None:
        write(args.write, args.effort)
    else:
        show(args.preset, args.effort)


if __name__ == "__main__":
    main()
