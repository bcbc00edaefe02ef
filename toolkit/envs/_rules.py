"""How a problem is played: the choices that are the same for every problem."""

from dataclasses import dataclass, fields
from math import inf, isfinite
from typing import Any, Literal, get_args

from toolkit import problems
from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.problems import Frames, Problem

View = Literal["full", "reduced"]
State = Literal["both", "features", "outcome"]
HORIZON = 150  # decisions on one instance (the number of cpdrl's paper)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Keywords of `gymnasium.make`, beside `problem`, `preset`, `instance` and the problem's own.

    reward = clip(-scale * (loss + penalty * violation), -clip, clip) of every decision, with
    loss = sign * objective and violation = the worst relative one: the problem's own evaluation.
    """

    view: View = "full"  # all variables in [-1, 1], or discrete ones only, completed
    state: State = "both"  # of the observation: instance's features, last decision's outcome
    horizon: int | None = None  # steps on an instance; None: its frames, or else HORIZON
    penalty: float = 10.0
    scale: float = 1.0
    clip: float = inf
    repair: bool = True  # view "full": pass the decision through the problem's `repair`

    def __post_init__(self) -> None:
        for key, kind in (("view", View), ("state", State)):
            if getattr(self, key) not in get_args(kind):
                raise unknown(f"{key} of environments", getattr(self, key), get_args(kind))
        if self.horizon is not None and self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}; it must be at least 1.")
        if not (isfinite(self.penalty) and self.penalty >= 0):
            raise UserError(f"penalty is {self.penalty}; it must be a number, at least 0.")
        if not (isfinite(self.scale) and self.scale > 0 and self.clip > 0):
            raise UserError("scale and clip must be above 0.")


def steps_of(problem: Problem, rules: Rules) -> int:
    """How many decisions an episode has; UserError where frames and horizon do not agree."""
    if not isinstance(problem, Frames):
        return rules.horizon or HORIZON
    if rules.horizon not in (None, problem.frames):
        raise UserError(
            f"horizon is {rules.horizon}, but an episode of {problem.frames} frames has as many "
            "steps; leave out horizon."
        )
    return problem.frames


def table(
    problem: str | Problem, preset: str | None, instance: Instance | None, given: dict[str, Any]
) -> tuple[Problem, Rules]:
    """(problem, rules) of the keywords; an instance brings the parameters that drew it."""
    names = {f.name for f in fields(Rules)}
    rules = Rules(**{k: v for k, v in given.items() if k in names})
    params = {k: v for k, v in given.items() if k not in names}
    if isinstance(problem, Problem):
        if preset or params:
            raise UserError("Give either a built problem or its name with preset and parameters.")
        return problem, rules
    if instance is not None and preset is None:
        params = {**instance.params, **params}
    return problems.load(problem, preset, **params), rules
