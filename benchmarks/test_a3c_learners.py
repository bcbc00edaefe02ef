"""How fast learners of queues play and learn: pytest benchmarks --benchmark-enable.

`decisions` are the tasks decided a second, updates included. Of a3c also the same per second of
its workers' processor time, which a busy machine disturbs less: what two workers reach together
on two idle cores, less what they take from each other.
"""

import pytest

from toolkit import learners, problems
from toolkit.learners import Training, fit

ROUNDS = 80


@pytest.mark.parametrize("name", ["a2c", "dqn"])
def test_decisions_a_second(benchmark, name):
    problem, learner = problems.load("a3c", "clean"), learners.registry.build(name)
    fit(learner, Training(problem=problem, max_steps=1))
    steps = 10
    run = Training(problem=problem, max_steps=steps)
    benchmark.pedantic(lambda: fit(learner, run), rounds=1)
    tasks = steps * learner.batch * problem.slots * problem.n_users * sum(learner.densities) / 2
    benchmark.extra_info["decisions"] = round(tasks / benchmark.stats.stats.mean)


@pytest.mark.parametrize("workers", [1, 2])
def test_a3c_decisions_a_second(benchmark, monkeypatch, workers):
    """From the tenth batch on: processes have started by then."""
    monkeypatch.setattr("toolkit.learners.a3c.LOG_EVERY", 1)
    problem = problems.load("a3c", "clean")
    learner = learners.registry.build("a3c", workers=workers)
    run = Training(problem=problem, max_steps=ROUNDS)
    benchmark.pedantic(lambda: fit(learner, run), rounds=1)
    late = run.curve[10:]
    tasks = sum(point["tasks"] for point in late)
    wall = late[-1]["seconds"] - run.curve[9]["seconds"]
    benchmark.extra_info["decisions"] = round(tasks / wall)
    busy = sum(point["cpu"] for point in late) / workers
    benchmark.extra_info["decisions a processor's second, all workers"] = round(tasks / busy)
