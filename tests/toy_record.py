"""One run of a made-up problem, of which the tests of reports make theirs."""

from toolkit.reports.record import Record

TOY = Record(
    key="k",
    problem="toy",
    version=1,
    preset=None,
    n_users=3,
    problem_params={"n_users": 3},
    instance="toy-0",
    digest="d0",
    sense="min",
    solver="a",
    params={},
    label="a",
    seed=0,
    status="feasible",
    stop="finished",
    verdict="feasible",
    objective=10.0,
    violation=0.0,
    seconds=1.0,
    limits={"seconds": 10.0, "evaluations": None},
)
