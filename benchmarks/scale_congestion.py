"""How long `exact` takes for assignments with convex congestion, family by family, as a table.

python benchmarks/scale_congestion.py                          # every family, 12 instances a size
python benchmarks/scale_congestion.py part large --count 20
python benchmarks/scale_congestion.py hard --sizes 50x20,55x20 --count 10 --seconds 10 --check arb

Processor seconds of one thread, to a proven gap of --gap, after a run that compiles. `left` is the
widest gap that was left, `check` what re-proving took (median), `kB` what a certificate is long.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from toolkit import problems
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, registry

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import congested

WIDE = {
    "bits_low": 1e5,
    "bits_high": 1e6,
    "cycles_low": 1e8,
    "cycles_high": 2e9,
    "server_cpu_low": 3e9,
    "server_cpu_high": 3e10,
}
HARD = (45, 50, 52, 55, 58, 62, 66, 70, 74, 78)
FAMILIES = {  # the problem (None: the tables of tests/congested.py), its preset, more fields, sizes
    "part": ("dgl_slot", "part", {}, [(50, 2), (200, 5), (500, 10)]),
    "large": ("dgl_slot", "large", {}, [(200, 5), (500, 10)]),
    "letter": ("e2ehco", "letter", {}, [(30, 5), (100, 10), (1000, 20)]),
    "hard10": ("e2ehco", "letter", {}, [(users // 2, 10) for users in HARD]),
    "hard": ("e2ehco", "letter", {}, [(users, 20) for users in HARD]),
    "steps10": (None, "", {}, [(users // 2, 10) for users in HARD]),
    "steps": (None, "", {}, [(users, 20) for users in (*HARD, 1000)]),
    "wide": ("e2ehco", "letter", WIDE, [(100, 10), (200, 10), (100, 20), (200, 20)]),
}


def solved(problem: Problem, instance: Instance, gap: float, seconds: float):
    """(result, processor seconds) of one run of `exact`."""
    probe = Probe(problem, instance, Budget(seconds=seconds), np.random.default_rng(0))
    solver = registry.build("exact", gap=gap)
    begun = time.process_time()
    claim = solver.solve(problem, instance, probe)
    taken = time.process_time() - begun
    return probe.certify(claim), taken


def drawn(family: str, users: int, servers: int, index: int) -> tuple[Problem, Instance]:
    """An instance of a family; with tables users and servers are anywhere in a square."""
    name, preset, fields, _ = FAMILIES[family]
    if name is None:
        rng = rng_for("scale", users, servers, index)
        return congested.instance(congested.steps(rng, users, servers))
    problem = problems.load(name, preset, n_users=users, n_servers=servers, **fields)
    return problem, problem.instance(index)


def row(family: str, users: int, servers: int, options: argparse.Namespace) -> list[str]:
    """A line of the table."""
    taken, gaps, nodes, checks, sizes = [], [], [], [], []
    for index in range(options.first, options.first + options.count):
        problem, instance = drawn(family, users, servers, index)
        result, seconds = solved(problem, instance, options.gap, options.seconds)
        taken.append(seconds)
        gaps.append(result.gap)
        tree = result.certificate.as_json()
        nodes.append(len(tree["nodes"]))
        if options.check:
            from toolkit.bench._reprove import least_loss

            begun = time.process_time()
            loss = least_loss(problem, instance, result.certificate, options.check)
            checks.append(time.process_time() - begun)
            sizes.append(len(json.dumps(tree)) / 1e3)
            assert abs(loss - problem.sign * result.bound) <= 1e-9 * abs(loss), "not re-proved"
    proved = np.array(gaps) <= options.gap
    cells = [family, f"{users} × {servers}", f"{proved.sum()} of {len(gaps)}"]
    cells += [f"{np.median(taken):.3f}", f"{max(taken):.3f}", f"{max(gaps):.1e}"]
    cells += [f"{np.median(nodes):.0f}", f"{max(nodes)}"]
    if options.check:
        cells += [f"{np.median(checks):.2f}", f"{np.median(sizes):.0f}", f"{max(sizes):.0f}"]
    return cells


def main(options: argparse.Namespace) -> None:
    columns = ["family", "users × servers", "proved", "median s", "most s", "left", "nodes", "most"]
    columns += ["check", "kB", "most kB"] * bool(options.check)
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    warm = argparse.Namespace(first=999, count=1, gap=1e-6, seconds=60, check=options.check)
    for family in options.families or FAMILIES:
        row(family, 25, 10, warm)  # compiles: copies too
        for users, servers in options.sizes or FAMILIES[family][3]:
            print("| " + " | ".join(row(family, users, servers, options)) + " |", flush=True)


def sizes(text: str) -> list[tuple[int, int]]:
    pairs = [part.split("x") for part in text.split(",")]
    return [(int(users), int(servers)) for users, servers in pairs]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", choices=[*FAMILIES, []])
    parser.add_argument("--sizes", type=sizes, help="50x20,55x20: users and servers")
    parser.add_argument("--count", type=int, default=12, help="instances of each size")
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--check", choices=["float", "arb"])
    main(parser.parse_args())
