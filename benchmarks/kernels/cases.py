"""What a case is: a problem, and for each of its batch kernels a plain loop that does the same."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

Worth = np.ndarray  # (2 + terms, rows): objectives, worst violations, and terms in their order

loop = njit(error_model="numpy")


@dataclass(frozen=True)
class Loops:
    """A problem, how a batch of decisions of its instance 0 is drawn, and the loops.

    What depends on the instance alone is prepared outside of the loops, as whoever writes one by
    hand would. Without `complete` the draws are whole decisions, and nothing is completed.
    """

    problem: Problem
    choices: Callable[[int], Decision]  # a number of rows -> what is completed, or judged
    judge: Callable[[Decision], Worth]
    complete: Callable[[Decision], Decision] | None = None

    @property
    def data(self) -> Data:
        return self.problem.instance(0).data


CASES: dict[str, Callable[[int], Loops]] = {}


def case(make: Callable[[int], Loops]) -> Callable[[int], Loops]:
    """Enters a function of the number of users under its own name."""
    CASES[make.__name__] = make
    return make
