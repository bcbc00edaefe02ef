"""Every learner keeps to what the house expects of a learner."""

from itertools import product

import pytest

from toolkit import learners, problems
from toolkit.learners._check import CHECKS, Check, Trial, says_what_it_needs, trial_of

TRIALS: dict[tuple[str, str], Trial | None] = {}
# its networks see boxes of numbers, here as of cpdrl, ddlo and droo, and step by step as of a3c
SLOW = {("sb3", "dgl"), ("sb3", "dgl_slot"), ("sb3", "e2ehco")}
PAIRS = [
    pytest.param(*pair, marks=pytest.mark.slow if pair in SLOW else ())
    for pair in product(learners.registry.names(), problems.registry.names())
]


def trial(learner: str, problem: str) -> Trial:
    """The same small problem for all checks, trained on once."""
    if (learner, problem) not in TRIALS:
        built = learners.registry.build(learner)
        TRIALS[learner, problem] = trial_of(built, problems.load(problem, "tiny"))
    found = TRIALS[learner, problem]
    if found is None:
        pytest.skip(f"{learner} refuses {problem}")
    return found


@pytest.mark.parametrize("learner", learners.registry.names())
def test_learner_says_what_it_needs(learner: str) -> None:
    """Lists show its docstring, and a problem that lacks something is refused with a reason."""
    says_what_it_needs(learners.registry.build(learner))


@pytest.mark.parametrize("check", CHECKS, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize(("learner", "problem"), PAIRS)
def test_learner_keeps_to(learner: str, problem: str, check: Check) -> None:
    """A learner that passes can be stopped, gone on with, kept and compared."""
    check(trial(learner, problem))
