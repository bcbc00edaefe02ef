"""The benchmarks of solvers beside a stored baseline: gaps and counters must hold, times advise.

python benchmarks/baseline.py [NAME ...] [--fail-on gap:+0.0001pp,evaluations:+10%] [--update]

NAME is a file of benchmarks/baseline/ (all). Each benchmark has its gap and its counters (judged
decisions, nodes of a tree) there, and its processor time in units of the bench's reference
workload, timed just before it in the same process. Ends with 1 where a gap or a counter is worse
than the baseline's by more than `--fail-on` lets pass, where a benchmark of it is missing or where
a benchmark fails; with 2 on misuse. `--update` takes today's figures as the baseline.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.bench._cases._environment import ALWAYS, versions
from toolkit.bench._verbs._compare_gates import Gate, parse_gates
from toolkit.errors import UserError, unknown
from toolkit.reports._aligned import align

HERE = Path(__file__).parent
STORED = HERE / "baseline"
SOLVERS = "exact or enumerate or completed_choices"  # the tests that time one
COUNTERS = ("evaluations", "nodes")
GATES = "gap:+0.0001pp,evaluations:+10%"
TIME = "workloads"
DIGITS = 6
UNSTEADY = 0.25  # a change of time below this share is not worth a word
HEAD = tuple(("", name) for name in ("benchmark", "what", "baseline", "now", "change"))

Figures = dict[str, dict[str, float]]  # benchmark -> name -> value


def run(name: str) -> Figures:
    """Today's figures of the benchmarks of a file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
        command += [str(HERE / f"test_{name}.py"), "-k", SOLVERS, "--benchmark-enable"]
        command += ["--benchmark-timer=time.process_time", f"--benchmark-json={out}"]
        done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{done.stdout}\n{name}: a benchmark failed, nothing was compared")
        found = json.loads(out.read_text())["benchmarks"]
    return {each["name"]: figures(each) for each in found}


def figures(each: dict[str, Any]) -> dict[str, float]:
    """Gap, counters, and the median time in units of the reference workload."""
    said = each["extra_info"]
    kept = {key: said[key] for key in ("gap", *COUNTERS) if said.get(key) is not None}
    kept[TIME] = each["stats"]["median"] / said["workload"]
    return {k: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for k, v in kept.items()}


def compared(gates: list[Gate], name: str, before: Figures, now: Figures) -> Iterator[str]:
    """The regressions, in words; prints what differs."""
    tolerance = {gate.name: gate.tolerance for gate in gates}
    rows = []
    for test, old in before.items():
        if test not in now:
            yield f"{name} {test}: no such benchmark any more"
            continue
        for what, value in old.items():
            if what not in now[test]:
                yield f"{name} {test}: tells no {what} any more"
                continue
            change, said = worse(what, value, now[test][what])
            gate = "gap" if what == "gap" else "evaluations"
            if what != TIME and change > tolerance.get(gate, float("inf")):
                yield f"{name} {test}: {what} {value:g} -> {now[test][what]:g} ({said})"
            if abs(change) > (UNSTEADY if what == TIME else 0):
                advice = " (advice)" * (what == TIME)
                cells = (f"{value:g}", f"{now[test][what]:g}", said)
                rows.append([test, what + advice, *cells])
    new = sorted(now.keys() - before.keys())
    print(f"{name}: {len(before)} benchmarks" + (f"; not in the baseline: {new}" if new else ""))
    if rows:
        print(align(HEAD, rows, left=range(2)))


def worse(what: str, before: float, now: float) -> tuple[float, str]:
    """The change in parts, and how it reads: gaps in points, the rest in % of what was."""
    if what == "gap":
        return now - before, f"{100 * (now - before):+.3g}pp"
    change = (now - before) / before if before else float(now != before)
    return change, f"{100 * change:+.3g}%"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--fail-on", default=GATES, metavar="GATES")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    known = sorted(path.stem for path in STORED.glob("*.json"))
    try:
        gates = parse_gates(args.fail_on)
        for gate in gates:
            if gate.name not in ("gap", "evaluations"):
                raise UserError(f"A baseline has no {gate.name}; gate gap and evaluations.")
        for name in args.names:
            if not args.update and name not in known:
                raise unknown("baseline", name, known)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found: list[str] = []
    for name in args.names or known:
        now, path = run(name), STORED / f"{name}.json"
        if args.update:
            content = {"versions": versions(ALWAYS), "benchmarks": now}
            STORED.mkdir(exist_ok=True)
            path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
            print(f"{path.relative_to(HERE.parent)}: {len(now)} benchmarks")
        else:
            found += compared(gates, name, json.loads(path.read_text())["benchmarks"], now)
    for text in found:
        print(f"regression: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
