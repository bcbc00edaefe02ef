"""What a problem may know beyond its formula: structural protocols that solvers look for.

A problem has one by defining its methods; a solver that needs it refuses problems without it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from toolkit.arrays import Array, Data, Decision
from toolkit.instances import Instance

from ._known import Known
from ._pictures import Picture
from ._proof import Certificate, How, Prices
from ._published import Published as Published
from ._relaxation import Bounded as Bounded
from ._relaxation import HasProof as HasProof
from ._relaxation import HasRelaxation as HasRelaxation
from ._relaxation import Relaxation as Relaxation
from ._relaxation import Timed as Timed
from ._space import Space


@runtime_checkable
class HasCompletion(Protocol, metaclass=Known):
    """Knows the best continuous decision for given discrete ones."""

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The whole decision, exact, for a batch of discrete choices of one or many instances.

        Where a choice admits no feasible decision, some decision that violates as little as is
        cheap to find: `evaluate` then says that it is infeasible.
        """


@runtime_checkable
class HasBestFrom(HasCompletion, Protocol, metaclass=Known):
    """Goes through all discrete choices faster than by completing each of them."""

    def best_from(self, data: Data, head: Sequence[int], below: Array) -> Decision | None:
        """Of every instance of a batch the best decision, (*batch, *shape), of all whose first
        discrete variables (`Space.discrete`, flat) are `head`.

        Only a loss under `below` (*batch) matters: None where no instance has one. Where nothing
        is feasible, some decision.
        """


@runtime_checkable
class HasRepair(Protocol, metaclass=Known):
    """Knows how to make a point of the box consistent (masks, shared budgets)."""

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Keeps the discrete part; masks and rescales the continuous one. Batched."""


@runtime_checkable
class HasFitting(Protocol, metaclass=Known):
    """Knows how to make discrete choices that constraints among themselves forbid allowed."""

    def fitted(self, data: Data, discrete: Decision) -> Decision:
        """Discrete blocks that fit, near those given; what fits stays as it is. Takes what
        `complete` takes."""


def consistent(problem: Any, data: Data, raw: Decision) -> Decision:
    """A point of the box, `fitted` and repaired where the problem knows how."""
    raw = {**raw, **problem.fitted(data, raw)} if isinstance(problem, HasFitting) else raw
    return problem.repair(data, raw) if isinstance(problem, HasRepair) else raw


@runtime_checkable
class HasPrior(Protocol, metaclass=Known):
    """Knows where good decisions lie."""

    def prior(self, data: Data) -> Space:
        """A sub-box of `space` from which informed random search draws."""


@runtime_checkable
class HasRanking(Protocol, metaclass=Known):
    """Knows a few discrete choices that are likely to be optimal."""

    def ranking(self, data: Data) -> Decision:
        """Discrete blocks with one leading axis: the choices that `greedy` evaluates."""


@runtime_checkable
class HasNearest(Protocol, metaclass=Known):
    """Knows for every user the server to which transmitting is cheapest, whatever the load."""

    def nearest(self, data: Data, limit: int = 0) -> Decision:
        """The discrete blocks where every user has that server, (*batch, *shape).

        With a `limit` above 0 users choose in order, and one that has so many users is full.
        """


@runtime_checkable
class HasPolish(Protocol, metaclass=Known):
    """Knows how to improve discrete choices cheaply."""

    def polish(self, data: Data, discrete: Decision, pairs: bool = True) -> Decision:
        """Choices after best responses, user by user, until none gains in the whole objective;
        with `pairs` also after moves of two users at once. Takes what `complete` takes; no choice
        is worse than what it came from, both completed.
        """


@runtime_checkable
class HasPricing(Protocol, metaclass=Known):
    """Knows what completed choices are worth without completing them."""

    def pricing(self, data: Data) -> Callable[[Decision], np.ndarray] | None:
        """The loss (*batch,) of discrete blocks (*batch, *shape), completed: what `judge` says of
        them, to rounding; of data with no axes, or as many as the batch. None: not of these data.

        For a search: what it answers is judged all the same.
        """


class Options(Protocol):
    """The options of users of a batch of instances, prepared for choices of one after another.

    Option o of a user is the value of its discrete variable that is o above the lower bound.
    """

    def see(self, which: np.ndarray, chosen: np.ndarray, users: np.ndarray) -> np.ndarray:
        """Dimensionless features of the options of users who have not chosen, float32.
        `which` (rows,) names instances of the batch, `chosen` (rows, n) has the option of every
        user or -1, `users` (rows, u) are those without; from these to (rows, u, options, features).
        A permutation of the users permutes them; a change of units leaves them as they are.
        """


@runtime_checkable
class HasOptions(Protocol, metaclass=Known):
    """Can say what an option is worth while only some users have chosen.

    Its discrete part is one block of integers, one a user, all with the same number of values.
    """

    def options(self, data: Data) -> Options:
        """Of a batch of instances, (rows, …)."""


@runtime_checkable
class HasDiagnosis(Protocol, metaclass=Known):
    """Can say in words why an instance has no feasible decision."""

    def diagnose(self, data: Data) -> str | None:
        """One sentence that names what is at fault; None where nothing shows it."""


@runtime_checkable
class HasFeatures(Protocol, metaclass=Known):
    """Knows what a policy should see."""

    def features(self, data: Data) -> np.ndarray:
        """Dimensionless features of every user, (*batch, users, features), float32.

        A permutation of the users permutes them; a change of units leaves them as they are.
        """


@runtime_checkable
class HasOutcome(Protocol, metaclass=Known):
    """Knows what a decision brings every user: the state of learners that watch results."""

    def outcome(self, data: Data, decision: Decision) -> Array:
        """Delay (s) and energy (J) of every user, (*batch, users, 2); NumPy and torch alike.

        The numbers that `judge` adds up, from the same lines of code.
        """


@runtime_checkable
class HasPictures(Protocol, metaclass=Known):
    """Knows how to show what a decision does. A class attribute `units` {term: unit} goes with it
    where terms have units."""

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        """Of one decision of one instance, each at most 20 kB; what they show is what `judge`
        adds up, from the same lines of code."""


@runtime_checkable
class HasPublished(Protocol, metaclass=Known):
    """Reads the files that its paper's authors published."""

    def published(self, arrays: Mapping[str, np.ndarray]) -> Published:
        """The rows behind the authors' own names of arrays; a class method serves too.

        UserError, in one sentence, where the names or shapes are others; what is wrong with a
        value is said of the rows that are asked for (`fault`). What the file does not say (weights,
        a mode) comes from the problem's fields; what the authors state of optima is left out, with
        a note, where these are not the ones that they had.
        """


@runtime_checkable
class HasPlant(Protocol, metaclass=Known):
    """Knows how to make instances of any size whose optimum is known."""

    def plant(
        self, rng: np.random.Generator
    ) -> tuple[dict[str, np.ndarray], Decision, Certificate]:
        """Instance data, an optimal decision and the certificate that it is one: chosen first, the
        data after them, so that nothing is searched for. UserError where its fields forbid it."""


@dataclass(frozen=True)
class AlgebraicModel:
    """A Pyomo model, and the way between its variables and a decision in SI units."""

    model: Any
    put: Callable[[Decision], None]  # sets every variable from a consistent decision
    read: Callable[[], Decision]  # the decision (all blocks) that the variables stand for


@runtime_checkable
class HasPyomo(Protocol, metaclass=Known):
    """Has algebraic models for generic solvers."""

    formulations: Mapping[str, str]  # name -> one line; the first is the solvers' default

    def pyomo(self, instance: Instance, formulation: str) -> AlgebraicModel: ...


@runtime_checkable
class HasLinear(HasPyomo, Protocol):
    """Some of its algebraic models are mixed-integer linear programs."""

    linear: tuple[str, ...]  # their names, of `formulations`


@runtime_checkable
class HasSmallModels(HasPyomo, Protocol):
    """Its models are there to check small instances with."""

    def too_large(self, instance: Instance) -> str | None:
        """Why generic solvers are run on this instance only where they are named, or None."""


@dataclass(frozen=True)
class ConvexModel:
    """A CVXPY problem, and the decision that its variables stand for once it is solved."""

    problem: Any
    read: Callable[[], Decision]


@runtime_checkable
class HasCvxpy(Protocol, metaclass=Known):
    """Has a convex model of its continuous part."""

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel: ...


P = TypeVar("P")


@dataclass(frozen=True)
class Pieces(Generic[P]):
    """The space cut along an integer m (a number of users, say), one relaxation for each value.

    Prices of two values serve the values between them too, so that not every m need be solved.
    """

    whole: tuple[int, int]  # the values of m in the proof's root
    inside: tuple[int, int]  # outside of these nothing is feasible; (m, m - 1): nowhere
    empty: Prices  # prove that a region outside holds nothing
    cut: Callable[[int], How]  # splits a region into "at most m" and "m + 1 or more"
    piece: Callable[[int], P]  # the relaxation at one m; it may reuse the one before
    between: Callable[[tuple[int, Prices], tuple[int, Prices]], Prices]
    # from two values and their prices, prices for all values strictly between


@dataclass(frozen=True)
class ConicPiece:
    """A convex relaxation over one region, its objective in units of the loss."""

    model: Any  # a CVXPY problem
    prices: Callable[[], Prices]  # of the proof, from the duals; a guess where it was not solved
    candidates: Callable[[], Decision | None]  # discrete choices (batch) rounded from the solution


@runtime_checkable
class HasConic(Protocol, metaclass=Known):
    """Has convex relaxations whose duals are prices of its proof."""

    def conic(self, instance: Instance) -> Pieces[ConicPiece]: ...


class Master(Protocol):
    """A mixed-integer linear relaxation over one region, and the cuts that tighten it.

    min offset + cost @ x, rows[0] <= matrix @ x <= rows[1], box[0] <= x <= box[1], x[integer]
    integral; values are in units of the loss.
    """

    cost: np.ndarray
    offset: float
    box: tuple[np.ndarray, np.ndarray]
    integer: np.ndarray  # column numbers
    matrix: Any  # scipy.sparse
    rows: tuple[np.ndarray, np.ndarray]

    def cuts(self, x: np.ndarray) -> tuple[Any, np.ndarray]:
        """(matrix, lower) of violated valid inequalities matrix @ x >= lower; no rows: none."""

    def candidates(self, x: np.ndarray) -> Decision:
        """Discrete choices (batch) near a point of the master, itself the first if integral."""

    def prices(
        self, x: np.ndarray, duals: np.ndarray, box: tuple[np.ndarray, np.ndarray]
    ) -> Prices:
        """Prices of the proof for the part in a `box`, from its relaxation without integrality:
        a best point and the duals of the first `rows`."""

    def guess(self) -> Prices:
        """Prices of the proof for want of a solution."""

    def branch(self, column: int) -> tuple[How, Sequence[float]]:
        """The proof's split on a binary column, and the column's value in either part."""


@runtime_checkable
class HasMasters(Protocol, metaclass=Known):
    """Has linear relaxations for outer approximation."""

    def masters(self, instance: Instance) -> Pieces[Master]: ...
