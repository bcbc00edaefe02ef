"""A plug-in for `cluster.py`: a solver that keeps a processor busy for so long, or waits."""

import time
from dataclasses import dataclass

from toolkit.instances import Instance
from toolkit.problems import Problem
from toolkit.solvers import Claim, Probe, Solver


@dataclass(frozen=True, kw_only=True)
class Burn(Solver):
    """Offers a random decision after so many seconds."""

    task: float = 0.1  # seconds
    idle: bool = False  # it sleeps: a worker elsewhere that takes no processor from this machine

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        until = time.process_time() + self.task
        if self.idle:
            time.sleep(min(self.task, probe.remaining))
        while not self.idle and time.process_time() < until and not probe.expired:
            pass
        probe.offer(problem.space(instance.data).sample(probe.rng))
        return Claim()
