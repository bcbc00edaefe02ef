"""Runs cases, each in a process of its own, here or elsewhere."""

from toolkit.bench._cases._plan import Plan

from ._executor import Executor


def executor_of(plan: Plan) -> Executor:
    """The one that the plan names."""
    if plan.executor == "local":
        from ._local import Local

        return Local(plan.jobs)
    from ._dask import Dask

    return Dask(plan.jobs, plan.scheduler)
