"""What migrating is worth: plans by three rules, their bounds, and two closed-form policies.

python benchmarks/migration_trade_off.py [INSTANCES]
"""

import sys

import numpy as np

from toolkit import problems
from toolkit.problems.e2ehco_migration import policies
from toolkit.problems.e2ehco_migration.paths import Network, Rule
from toolkit.problems.e2ehco_migration.planning import planned, scaled
from toolkit.problems.e2ehco_migration.pricing import Columns, Masks, costs, free

RULES: tuple[Rule, ...] = ("never", "nearest", "free")


def planned_by(data: dict[str, np.ndarray], rule: Rule) -> tuple[int, int]:
    """(completions of the best of three plans, a bound on any that keeps to the rule)."""
    network = Network(data, rule)
    columns = Columns(network, Masks(), free(network))
    columns.improve(-np.inf)
    price = costs(network, columns.prices)
    done = (planned(network, scaled(price, s), 2, 1).done for s in (1.0, 0.5, 0.0))
    return max(done), int(columns.value)


def row(index: int) -> list[str]:
    """A row of the table in docs/e2ehco_migration.md."""
    problem = problems.load("e2ehco_migration", "hardened")
    data = problem.instance(index).data
    still, follow = (
        float(problem.evaluate(data, policy(data)).objective)
        for policy in (policies.stay, policies.follow)
    )
    found = {rule: planned_by(data, rule) for rule in RULES}
    best = found["free"][0]
    gains = (f"{best / found[rule][0] - 1:+.0%}" for rule in ("never", "nearest"))
    plans = (f"{done} ≤ {bound}" for done, bound in found.values())
    return [str(index), f"{still:.0f}", f"{follow:.0f}", *plans, *gains]


if __name__ == "__main__":
    for index in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        print("| " + " | ".join(row(index)) + " |", flush=True)
