"""Plug-in files for the tests of the command: a small problem, and solvers that (mis)behave."""

from pathlib import Path

HEAD = """
import os, signal, sys, time
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from toolkit.errors import UserError
from toolkit.problems import Certificate, Evaluation, Field, Problem, Space, Var
from toolkit.solvers import Claim, Solver


def best(problem, instance):
    return {"on": np.ones(problem.n_users)}
"""

TOY = """
@dataclass(frozen=True, kw_only=True)
class Toy(Problem):
    \"\"\"Switch users on: a user that is off costs twice its weight.\"\"\"

    title = "Switches"
    paper = "none"
    sense = "min"
    version = 1
    presets = {"tiny": {"n_users": 2}, "paper": {"n_users": 5}}
    fields = {"weight": Field("weight", "1", ("users",))}
    n_users: int = 5
    heaviest: float = 2.0

    def sample(self, rng, batch=()):
        return {"weight": rng.uniform(1.0, self.heaviest, (*batch, self.n_users))}

    def space(self, data):
        return Space((Var("on", (data["weight"].shape[-1],), "binary"),))

    def judge(self, data, decision):
        cost = (data["weight"] * (2.0 - decision["on"])).sum(-1)
        return Evaluation(cost, {"none": 0.0 * cost})
"""

SOLVER = """
@dataclass(frozen=True, kw_only=True)
class Plugged(Solver):
    \"\"\"{doc}\"\"\"

    {extra}
    wait: float = 0.0

    def solve(self, problem, instance, probe):
        {body}
        return Claim()
"""

# What a solver does once it has offered a decision. Warm-up runs on the preset "tiny" (2 users).
BODIES = {
    "good": "probe.offer(best(problem, instance))",
    "half": 'probe.offer({"on": np.r_[0.0, np.ones(problem.n_users - 1)]})',
    "slow": "time.sleep(self.wait * (problem.n_users > 2)); probe.offer(best(problem, instance))",
    "claims": "probe.offer(best(problem, instance)); "
    'probe.bound(0.5 * probe.loss, Certificate("claim", {"by": "me"}))',
    "hangs": "probe.offer(best(problem, instance)); time.sleep(1e6 * (problem.n_users > 2))",
    "hangs_at_once": "time.sleep(1e6)",
    "exits": "sys.stderr.flush(); os._exit(7) if problem.n_users > 2 else 0",
    "segfaults": "os.kill(os.getpid(), signal.SIGSEGV) if problem.n_users > 2 else 0",
    "raises": "print('last words'); probe.offer(best(problem, instance)); 1 / 0",
    "lies": "probe.offer(best(problem, instance)); "
    'probe.bound(2 * probe.loss, Certificate("enumeration", {"count": 1}))',
    "noisy": "print('to stdout'); os.write(1, b'to fd 1'); probe.offer(best(problem, instance))",
    "forks": "child = os.fork() if problem.n_users > 2 else -1; "
    "time.sleep(1e6 * (child == 0)); os.write(1, b'child %d.' % child); "
    "probe.offer(best(problem, instance)); time.sleep(self.wait * (child > 0))",
    "absent": "probe.offer(best(problem, instance))",
    "lingers": "probe.offer(best(problem, instance))",
    "asks": "raise UserError('Two users at most; take fewer.') if problem.n_users > 2 else None",
}
EXTRA = {
    "absent": 'requires: ClassVar[tuple[str, ...]] = ("nonexistent_pkg",)',
    # what happens once it is solved: the check of a certificate takes as long
    "lingers": "def aside(self, problem): time.sleep(1e6)",
}


def write_plugins(folder: Path, *names: str) -> list[str]:
    """Writes toy.py and one file a solver; returns the flags that load them."""
    flags = []
    for name in ("toy", *names):
        body = (
            TOY
            if name == "toy"
            else SOLVER.format(
                doc=f"Test solver {name}.", extra=EXTRA.get(name, ""), body=BODIES[name]
            )
        )
        path = folder / f"{name}.py"
        path.write_text(HEAD + body)
        flags += ["--plugin", str(path)]
    return flags
