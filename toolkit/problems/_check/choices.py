"""Checks of what a problem knows of good choices: heuristics, polish, what options show."""

import numpy as np

from toolkit.instances import rng_for
from toolkit.problems._base import Problem
from toolkit.problems._knowledge import (
    HasCompletion,
    HasNearest,
    HasOptions,
    HasPolish,
    HasPricing,
)
from toolkit.problems._space import Space

from .base import Check, cases, feasible_losses, need, row, same
from .knowledge import RTOL, in_domain


def heuristics_stay_in_the_space_and_polish_never_harms(problem: Problem) -> None:
    for k, case in enumerate(cases(problem)):
        space, choices = Space(case.space.discrete), case.choices(rng_for("polish", k), 16)
        if isinstance(problem, HasNearest):
            for limit in (0, 1):
                in_domain(space, problem.nearest(case.data, limit), "a nearest choice")
        if not (isinstance(problem, HasPolish) and isinstance(problem, HasCompletion)):
            continue
        before = problem.evaluate(case.data, problem.complete(case.data, choices))
        for pairs in (False, True):
            found = problem.polish(case.data, choices, pairs)
            in_domain(space, found, "a polished choice")
            after = problem.evaluate(case.data, problem.complete(case.data, found))
            old, new = (feasible_losses(problem, found) for found in (before, after))
            worse = new > old + RTOL * np.abs(old)
            need(not worse.any(), f"{case.instance.name}: polish made a choice worse.")


def prices_are_what_completed_choices_are_worth(problem: Problem) -> None:
    if not (isinstance(problem, HasPricing) and isinstance(problem, HasCompletion)):
        return
    for k, case in enumerate(cases(problem)):
        choices = case.choices(rng_for("prices", k), 16)
        price = problem.pricing(case.data)
        if price is None:
            continue
        judged = problem.evaluate(case.data, problem.complete(case.data, choices))
        what = f"{case.instance.name}: prices, and losses judged"
        same(price(choices), feasible_losses(problem, judged), RTOL, what)


def options_do_not_depend_on_the_order_of_users(problem: Problem) -> None:
    """… nor on what stands beside an instance or a row."""
    if not isinstance(problem, HasOptions):
        return
    data = problem.sample(rng_for("options"), (3,))
    (var,) = problem.space(row(data, 0)).discrete
    n, count = var.size, int(np.max(var.upper - var.lower)) + 1
    chosen = rng_for("chosen").integers(-1, count, (3, n))
    chosen[:, 0] = -1
    for i in range(3):
        users = np.flatnonzero(chosen[i] < 0)[None]
        options = problem.options(data)
        seen = options.see(np.array([i]), chosen[i : i + 1], users)
        need(seen.shape[:3] == (1, users.size, count), f"options have shape {seen.shape}.")
        need(bool(np.isfinite(seen).all()), "a feature of an option is not finite.")
        turned = options.see(np.array([2, i]), chosen[[i, i]], np.tile(users[:, ::-1], (2, 1)))
        same(turned[1:, ::-1], seen, 1e-4, "features of options, users in order and reversed")
        alone = problem.options({key: value[i : i + 1] for key, value in data.items()})
        same(alone.see(np.array([0]), chosen[i : i + 1], users), seen, 1e-6, "alone and in a batch")


CHECKS: list[Check] = [
    heuristics_stay_in_the_space_and_polish_never_harms,
    prices_are_what_completed_choices_are_worth,
    options_do_not_depend_on_the_order_of_users,
]
