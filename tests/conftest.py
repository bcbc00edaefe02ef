"""One thread a process, set before anything that counts cores is imported: test processes share the
machine's cores, and what several threads sum up differs in the last place from run to run."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives files of one family (`test_a3c*.py`) to one process, unless `--dist` says otherwise:
    two that need the same kernels at the same time would both compile them."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Families(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "_".join(nodeid.split(".py::")[0].split("_")[:2])

    return Families(config, log)


@pytest.fixture(autouse=True, scope="module")
def plugins_stay_in_their_file() -> Iterator[None]:
    """What the tests of a file plug in, the next file's do not find: names may be the same."""
    from toolkit import learners, problems, solvers

    extras = [kind.registry._extra for kind in (problems, solvers, learners)]
    before = [dict(extra) for extra in extras]
    yield
    for extra, kept in zip(extras, before, strict=True):
        extra.clear()
        extra.update(kept)
