"""Our exact solvers beside SCIP, Gurobi, MAiNGO, discopt, CVXPY + SCIP and DROO's own code.

python -m benchmarks.peers --out peers.jsonl            # all; stopped, it goes on
python -m benchmarks.peers --quick --out quick.jsonl    # the smallest sizes, one instance each
python -m benchmarks.peers --table peers.jsonl          # the Markdown of what is stored

The same instances for all, one peer after the other, each in a process of its own with one thread.
Seconds are the processor's, from the instance's data to the answer (a model's building included),
after a warm-up; `--seconds` is the limit of a run, stretched where other work slows it. Answers are
judged by the problem, bounds are held against the optimum that `exact` proves to 1e-9. Who runs out
of time on most instances of a size is not asked for larger ones. maingopy and discopt are no
dependencies: pip install maingopy discopt.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"  # of the children, before NumPy is there

from .cases import FAMILIES, GAPS, QUICK, Trial, trials  # noqa: E402
from .child import Child, every  # noqa: E402
from .table import tables  # noqa: E402


def read(path: Path) -> list[dict[str, Any]]:
    """Stored rows; a line that an interruption cut is left out."""
    rows = []
    for line in path.read_text().split("\n") if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


class Skips:
    """Who is not asked any more: out of time on most instances of a smaller size."""

    def __init__(self, rows: list[dict[str, Any]], cases: int) -> None:
        self._cases, self._late = cases, Counter()
        for row in rows:
            self.learn(row)

    def learn(self, row: Mapping[str, Any]) -> None:
        ended = row.get("said") == "time" or str(row["word"] or "").startswith(("killed", "crash"))
        if ended:
            self._late[row["family"], row["peer"], row["gap"], row["n"]] += 1

    def word(self, trial: Trial) -> str | None:
        """Why not, or None; a gap that was not reached says so of smaller ones too."""
        for (family, peer, gap, n), count in self._late.items():
            same = (family, peer) == (trial.family, trial.peer) and gap >= trial.gap
            if (
                same
                and 2 * count > self._cases
                and (n < trial.n or (n == trial.n and gap > trial.gap))
            ):
                return f"time: already at n = {n}"
        return None


def run(sizes: Mapping[str, tuple[int, ...]], cases: int, seconds: float, out: Path) -> None:
    """All trials that `out` does not hold yet."""
    stored = read(out)
    done = {Trial(*(row[k] for k in Trial.__dataclass_fields__)).key for row in stored}
    peers, skips = every(), Skips(stored, cases)
    children = {name: Child(name) for name in peers}
    with out.open("a") as file:
        if file.tell():
            file.write("\n")  # after a line that was cut
        for trial in trials(sizes, cases):
            if trial.key in done:
                continue
            word = peers[trial.peer].missing() or skips.word(trial)
            row = {"word": word} if word else children[trial.peer].ask(trial, seconds)
            row = {**vars(trial), **row}
            skips.learn(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            told = row["word"] or f"{row['said']} {row['seconds']:.3g} s"
            print(*trial.key, told, file=sys.stderr, flush=True)
    for child in children.values():
        child.close()


def main() -> None:
    about, _, more = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="JSON lines that rows are added to")
    parser.add_argument("--table", type=Path, help="print the tables of stored rows, run nothing")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--cases", type=int, default=3, help="instances of each size")
    parser.add_argument("--seconds", type=float, default=10.0, help="limit of a run")
    args = parser.parse_args()
    if args.table:
        print(tables(read(args.table)))
        return
    if not args.out:
        parser.error("give --out or --table")
    sizes = {name: FAMILIES[name].sizes for name in args.families}
    if args.quick:
        sizes = {name: QUICK[name] for name in args.families if name in QUICK}
    begun = time.monotonic()
    run(sizes, 1 if args.quick else args.cases, 1.0 if args.quick else args.seconds, args.out)
    print(tables(read(args.out)))
    print(f"\n{time.monotonic() - begun:.0f} s; gaps {', '.join(f'{g:g}' for g in GAPS)}")


if __name__ == "__main__":
    main()
