"""Every problem keeps to what the house expects of a problem."""

import pytest

from toolkit import problems
from toolkit.problems._check import CHECKS
from toolkit.problems._check.base import Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("name", problems.registry.names())
def test_problem_keeps_to(name: str, check: Check) -> None:
    """A problem that passes can be searched, modelled and trained on without a look at it."""
    check(problems.load(name, "tiny"))
