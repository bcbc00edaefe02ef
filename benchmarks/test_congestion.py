"""How long assignments with convex congestion take: proofs by `exact`, and checks of these."""

import sys
from pathlib import Path

import pytest

from toolkit.instances import rng_for

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from congested import instance, reproved, slots, solve, steps

CASES = [
    (steps, 10, 5, 1e-9),
    (steps, 30, 5, 1e-6),
    (steps, 25, 10, 1e-6),
    (steps, 100, 10, 1e-6),
    (steps, 1000, 20, 1e-6),
    (steps, 50, 20, 1e-4),
    (steps, 70, 20, 1e-4),
    (slots, 50, 5, 1e-6),
    (slots, 500, 10, 1e-6),
]
NAMES = [f"{law.__name__}-{users}x{many}-{gap:g}" for law, users, many, gap in CASES]


@pytest.mark.parametrize(("law", "users", "many", "gap"), CASES, ids=NAMES)
def test_exact(solved, law, users, many, gap):
    problem, case = instance(law(rng_for("benchmark", users, many), users, many))
    assert solved("exact", problem, case, gap=gap).gap <= gap


@pytest.mark.parametrize("arithmetic", ["float", "arb"])
def test_check(benchmark, arithmetic):
    """Re-proving a tree with copies, 25 users and 10 resources."""
    form = steps(rng_for("benchmark", 25, 10), 25, 10)
    result = solve(form, 1e-6)
    bound = benchmark(reproved, form, result, arithmetic)
    assert bound == pytest.approx(result.bound, rel=1e-10)
