"""Where learning pays: gap against instances a second of policies, heuristics and exact solvers.

python benchmarks/learning_pays.py --policies DIR --json rows.json --out learning-pays.svg
python benchmarks/learning_pays.py --table rows.json --out learning-pays.svg

Policies that are not in DIR are trained first, by the commands below, their processor time kept
beside them (the shipped policies' own is known). Seconds are the processor's, on one thread, after
a warm-up, judging included; batch 1 is one instance after the other, batch 256 all at once where
a method can, else a loop. Gaps are means over the same instances, to what `exact` proves to 1e-9.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conftest import solve
from learning_figure import FLOOR, draw
from threadpoolctl import threadpool_limits

from toolkit import learners, problems, solvers
from toolkit.arrays import Data
from toolkit.instances import Instance
from toolkit.learners._shipped import checkpoint_path, shipped
from toolkit.problems import Problem
from toolkit.solvers import Solver
from toolkit.solvers._probe import losses

SEED, COUNT, SINGLES, ROUNDS = 20261124, 256, 32, 3
GAPS = (1e-2, 1e-4, 1e-6, 1e-9)
GUESSES = (1, 8, 32)
EQUAL = 1e-9  # gaps that differ by no more are equal

# name: problem, preset, fields, policy, arguments of `train` (None: the policy is shipped)
DROO = "--learner droo --steps 1000"
COMPLETION = "--learner completion --steps 3000"
SETTINGS: dict[str, tuple[str, str, dict[str, Any], str, str | None]] = {
    "cpdrl paper, n = 16": ("cpdrl", "paper", {"n_users": 16}, "cpdrl-self-label", None),
    "cpdrl paper, n = 100": ("cpdrl", "paper", {"n_users": 100}, "cpdrl-self-label", None),
    "cpdrl tight, n = 16": ("cpdrl", "tight", {"n_users": 16}, "cpdrl-self-label", None),
    "droo paper, n = 10": ("droo", "paper", {}, "droo-10", DROO),
    "droo scaled, n = 30": ("droo", "scaled", {"n_users": 30}, "droo-30", DROO),
    "e2ehco clean, n = 10": ("e2ehco", "clean", {}, "completion", COMPLETION),
}

Method = Callable[[Problem, Data], np.ndarray]  # losses of a batch, inf where nothing is feasible


def rows_of(data: Data, chosen: slice) -> dict[str, np.ndarray]:
    return {key: value[chosen] for key, value in data.items()}


def best_of(problem: Problem, data: Data, decision: Data) -> np.ndarray:
    """The least loss of (rows, k) decisions."""
    spread = {key: value[:, None] for key, value in data.items()}
    return losses(problem, problem.evaluate(spread, decision)).min(-1)


def guessed(learner: Any, net: Any, k: int, problem: Problem, data: Data) -> np.ndarray:
    return best_of(problem, data, learner.act(net, problem, data, k))


def batched(gap: float, problem: Any, data: Data) -> np.ndarray:
    """The problem's batched search, without a certificate."""
    return losses(problem, problem.evaluate(data, problem.best(data, gap)))


def polished(starts: int, problem: Any, data: Data) -> np.ndarray:
    """Best responses and pair moves of so many random choices, all instances at once."""
    (var,) = problem.space(rows_of(data, slice(0, 1))).discrete
    shape = (len(next(iter(data.values()))), starts, problem.n_users)
    drawn = np.random.default_rng(0).integers(0, problem.n_servers + 1, shape).astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    choice = problem.polish(spread, {var.name: drawn})
    return best_of(problem, data, problem.complete(spread, choice))


def context(problem: Any, data: Data) -> np.ndarray:
    """`cpdrl`: the set that the policies' features are built around, without a network."""
    masks = (problem.features(data)[..., 1] > 0)[:, None].astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    return best_of(problem, data, problem.complete(spread, {"offload": masks}))


def solved(solver: Solver, problem: Problem, data: Data) -> np.ndarray:
    """A solver, one instance after the other."""
    found = []
    for i in range(len(next(iter(data.values())))):
        one = {key: value[i] for key, value in data.items()}
        result = solve(solver, problem, Instance(problem.name, problem.version, one))
        fits = result.objective is not None and (result.violation or 0.0) <= 1e-9
        found.append(problem.sign * result.objective if fits else np.inf)
    return np.array(found)


def methods(problem: Problem, policy: Path) -> dict[str, Method]:
    """All that is compared; the first is the reference."""
    out: dict[str, Method] = {
        f"exact, gap {gap:g}": partial(solved, solvers.registry.build("exact", gap=gap))
        for gap in reversed(GAPS)
    }
    if problem.name == "cpdrl" and problem.n_users <= 24:  # all masks, whatever gap is asked
        out["best, gap 1e-09"] = partial(batched, 1e-9)
    elif problem.name != "cpdrl" and hasattr(problem, "best"):
        out |= {f"best, gap {gap:g}": partial(batched, gap) for gap in reversed(GAPS)}
    out["greedy"] = partial(solved, solvers.registry.build("greedy"))
    if problem.name == "cpdrl":
        out["context alone"] = context
    if hasattr(problem, "polish"):
        out |= {f"polish × {n}": partial(polished, n) for n in (1, 4, 16)}
    learner, net, *_ = learners.load(policy)
    return out | {f"policy, k = {k}": partial(guessed, learner, net, k) for k in GUESSES}


def timed(method: Method, problem: Problem, data: Data, size: int) -> tuple[float, np.ndarray]:
    """(median seconds an instance, losses) in parts of `size` instances, in three rounds."""
    count = len(next(iter(data.values())))
    method(problem, rows_of(data, slice(0, size)))  # compiles
    seconds, found = [], np.empty(count)
    for start in [*range(0, count, size)] * ROUNDS:
        part = slice(start, start + size)
        begun = time.process_time()
        found[part] = method(problem, rows_of(data, part))
        seconds.append((time.process_time() - begun) / min(size, count - start))
    return float(np.median(seconds)), found


def trained(folder: Path, title: str) -> tuple[Path, float]:
    """The policy's file, and the seconds that its training took; trained where it is missing."""
    problem, preset, fields, name, command = SETTINGS[title]
    if command is None:
        return checkpoint_path(name), float(shipped()[name]["seconds"])
    file, note = folder / f"{name}.zip", folder / f"{name}.json"
    if not note.exists():
        given = ["--problem", problem, "--preset", preset]
        given += [f"--set={key}={value}" for key, value in fields.items()]
        words = [sys.executable, "-m", "toolkit.bench", "train", *given, *command.split()]
        first = folder / "first.zip"  # compiles, off the clock
        subprocess.run([*words, "--steps", "20", "--out", str(first)], check=True)
        first.unlink()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*words, "--out", str(file)], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        note.write_text(json.dumps(spent))
    return file, float(json.loads(note.read_text()))


def measure(title: str, folder: Path) -> list[dict[str, Any]]:
    """A row for every method: seconds an instance alone and in a batch, and the mean gap."""
    name, preset, fields, *_ = SETTINGS[title]
    problem = problems.load(name, preset, **fields)
    file, training = trained(folder, title)
    cases = [problem.instance(i, seed=SEED).data for i in range(COUNT)]
    data = {key: np.stack([case[key] for case in cases]) for key in cases[0]}
    out: list[dict[str, Any]] = []
    best = None
    for method, run in methods(problem, file).items():
        alone, _ = timed(run, problem, rows_of(data, slice(0, SINGLES)), 1)
        many, loss = timed(run, problem, data, COUNT)
        best = loss if best is None else best
        fits = np.isfinite(loss) & np.isfinite(best)
        gap = np.maximum(loss - best, 0)[fits] / np.abs(best[fits])
        out.append(
            {
                "setting": title,
                "method": method,
                "1": alone,
                "256": many,
                "gap": float(gap.mean()),
                "unsolved": int((np.isfinite(best) & ~np.isfinite(loss)).sum()),
                "training": training if method.startswith("policy") else 0.0,
            }
        )
        print(out[-1], file=sys.stderr, flush=True)
    return out


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Instances a second at batch 1 and 256, and the mean gap."""
    titles = list(dict.fromkeys(row["setting"] for row in rows))
    lines = ["| | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        cells = []
        for title in titles:
            found = [r for r in rows if r["setting"] == title and r["method"] == method]
            cells.append(_cell(found[0]) if found else "")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: Mapping[str, Any]) -> str:
    gap = "0" if row["gap"] < FLOOR else f"{row['gap']:.0e}"
    lost = f", {row['unsolved']} unsolved" if row["unsolved"] else ""
    return f"{1 / row['1']:,.0f} / {1 / row['256']:,.0f}, {gap}{lost}"


def paid_back(rows: Sequence[Mapping[str, Any]]) -> str:
    """After how many instances training is paid, against the fastest with a gap as small."""
    lines = [
        "| policy | gap | training, s | batch | against `exact` | against `best` | against all |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if not row["training"]:
            continue
        peers = [r for r in rows if r["setting"] == row["setting"] and not r["training"]]
        peers = [r for r in peers if r["gap"] <= row["gap"] + EQUAL and r["unsolved"] == 0]
        for batch in ("1", "256"):
            kinds = ("exact,", "best,", "")
            cells = [
                _against(row, [r for r in peers if r["method"].startswith(kind)], batch)
                for kind in kinds
            ]
            name = f"{row['setting']}, {row['method'].removeprefix('policy, ')}"
            gap = "0" if row["gap"] < FLOOR else f"{row['gap']:.0e}"
            lines.append(
                f"| {name} | {gap} | {row['training']:.0f} | {batch} | " + " | ".join(cells) + " |"
            )
    return "\n".join(lines)


def _against(row: Mapping[str, Any], peers: Sequence[Mapping[str, Any]], batch: str) -> str:
    """Instances until the seconds saved are those of training, with who is beaten; or never."""
    if not peers:
        return "-"
    fastest = min(peers, key=lambda r: r[batch])
    saved = fastest[batch] - row[batch]
    said = (
        f"{row['training'] / saved:,.0f}"
        if saved > 0
        else f"never (× {-saved / fastest[batch] + 1:.2g})"
    )
    return f"{said}, {fastest['method']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--policies", type=Path, help="where trained policies are kept")
    parser.add_argument("--json", type=Path, help="where the rows are kept")
    parser.add_argument("--table", type=Path, help="rows of before: nothing is measured")
    parser.add_argument("--out", required=True, help="the SVG file")
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    args = parser.parse_args()
    if args.table:
        rows = json.loads(args.table.read_text())
    else:
        if args.policies is None:
            parser.error("give --policies or --table")
        args.policies.mkdir(parents=True, exist_ok=True)
        os.environ["OMP_NUM_THREADS"] = "1"
        torch.set_num_threads(1)
        threadpool_limits(1)
        rows = [row for title in args.only for row in measure(title, args.policies)]
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    print(table(rows), paid_back(rows), sep="\n\n")
    draw(rows, args.out)


if __name__ == "__main__":
    main()
