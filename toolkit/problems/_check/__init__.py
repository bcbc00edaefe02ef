"""The conformance suite of problems: what a new problem gets for free, and must pass.

The formula is examined here, what the problem knows beyond it in `knowledge` and `choices`, its
models in `models`, instances that it calls solved in `planted`.
"""

import random
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems._base import Evaluation, Problem
from toolkit.problems._frames import episodes

from . import choices, knowledge, models, planted
from .base import Check, cases, hint, need, points, row, same, verdict

ALONE = "What stands beside it must not matter: judge may reduce trailing axes only."
SEEDED = "Draw from the generator that sample is given, and from nothing else."


def check_problem(problem: Problem) -> Iterator[tuple[str, str | None]]:
    """Yields (what was examined, why it failed or None), one after the other."""
    for fn in CHECKS:
        yield fn.__name__.replace("_", " "), verdict(fn, problem)


def declares_itself(problem: Problem) -> None:
    need(problem.sense in ("min", "max"), f"sense is {problem.sense!r}, not 'min' or 'max'.")
    need(bool(problem.title and problem.paper), "title or paper is empty.")
    need("frames" not in problem.params, "a field is called 'frames', as an episode's length is.")
    need({"tiny", "paper"} <= set(problem.presets), "presets lack 'tiny' or 'paper'.")
    for key, spec in problem.fields.items():
        need(bool(spec.text and spec.unit), f"field {key!r} lacks its text or unit.")


def every_preset_makes_instances(problem: Problem) -> None:
    for name, preset in problem.presets.items():
        made = type(problem)(**preset)
        data = made.admit(made.instance()).data
        need(made.space(data).size > 0, f"preset {name!r} leaves nothing to decide.")


def instances_depend_on_the_seed_alone(problem: Problem) -> None:
    states = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        before = _global_state()
        states.append(problem.instance(0).digest)
        with hint(SEEDED):
            need(before == _global_state(), "sampling draws from a global random generator.")
    with hint(SEEDED):
        need(states[0] == states[1], "the same seed gives different data.")
    need(problem.instance(1).digest != states[0], "another index gives the same data.")
    need(problem.instance(0, 1).digest != states[0], "another seed gives the same data.")


def instances_survive_their_files(problem: Problem) -> None:
    instance = problem.instance()
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".json", ".npz"):
            path = Path(folder) / f"case{suffix}"
            instance.write(path)
            again = problem.admit(Instance.read(path))
            need(again.digest == instance.digest, f"{suffix} changes the data.")


def wrong_instances_are_refused(problem: Problem) -> None:
    good = problem.instance()
    wrong: dict[str, Mapping[str, Any]] = {"an unknown array": {**good.data, "unknown": 1.0}}
    for key, spec in problem.fields.items():
        value = good.data[key]
        wrong[f"no {key}"] = {k: v for k, v in good.data.items() if k != key}
        wrong[f"NaN in {key}"] = {**good.data, key: np.full(value.shape, np.nan)}
        wrong[f"another shape of {key}"] = {**good.data, key: value[None]}
        least = spec.low if spec.strict else spec.low - 1
        wrong[f"{key} below its least value"] = {**good.data, key: np.full(value.shape, least)}
    for what, data in wrong.items():
        need(_refused(problem, replace(good, data=data)), f"an instance with {what} is accepted.")
    for other in (replace(good, version=good.version + 1), replace(good, problem="another")):
        need(_refused(problem, other), "an instance of another problem or version is accepted.")


def an_episode_is_its_frames(problem: Problem) -> None:
    """… each an instance of the problem, judged by the mean of their objectives."""
    whole = episodes(problem, 3)
    instance = whole.admit(whole.instance(0, seed=7))
    need(whole.instance(0, seed=7).digest == instance.digest, "the same seed draws other frames.")
    decision = whole.space(instance.data).sample(rng_for("episode"))
    found = whole.evaluate(instance.data, decision)
    frames = list(whole.split(instance))
    each = [
        problem.evaluate(problem.admit(frame).data, row(decision, t))
        for t, frame in enumerate(frames)
    ]
    objective = np.mean([one.objective for one in each])
    same(found.objective, objective, 1e-9, "the episode and the mean of its frames")
    worst = np.max([one.violation for one in each])
    same(found.violation, worst, 1e-9, "the violation of the episode and its frames' worst")


def evaluation_does_not_touch_its_inputs(problem: Problem) -> None:
    case = cases(problem)[0]
    data = {k: v.copy() for k, v in case.data.items()}
    decision = case.space.sample(rng_for("touch"), (3,))
    before = {k: v.copy() for k, v in decision.items()}
    problem.evaluate(data, decision)
    same(data, case.data, 0, "the data before and after")
    same(decision, before, 0, "the decision before and after")


def a_batch_is_worth_what_its_rows_are(problem: Problem) -> None:
    for case in cases(problem):
        batch = points(case, rng_for("batch"), 12)
        grid = {k: v[:12].reshape(4, 3, *v.shape[1:]) for k, v in batch.items()}
        whole = problem.evaluate(case.data, grid)
        with hint("A decision must be worth the same each time."):
            same(
                _named(problem.evaluate(case.data, grid)), _named(whole), 0, "judged once and twice"
            )
        with hint(ALONE):
            for i in np.ndindex(4, 3):
                _same_worth(problem.evaluate(case.data, row(grid, i)), whole, i)


def a_batch_of_instances_is_worth_what_they_are(problem: Problem) -> None:
    data = problem.sample(rng_for("instances"), (5,))
    batch = problem.space(data).sample(rng_for("decisions"), (5,))
    whole = problem.evaluate(data, batch)
    with hint(ALONE):
        for i in range(5):
            _same_worth(problem.evaluate(row(data, i), row(batch, i)), whole, (i,))


def every_number_of_the_data_matters(problem: Problem) -> None:
    """A weight that the formula forgets is found here; so is a bound, from the side that bites."""
    case = cases(problem)[0]
    some = points(case, rng_for("matters"), 200)
    before = _numbers(problem.evaluate(case.data, some))
    for key, value in case.data.items():
        moved = ({**case.data, key: value * factor} for factor in (1.25, 0.8))
        with np.errstate(all="ignore"):  # a number that names something names nothing then
            unseen = [np.array_equal(before, _numbers(problem.evaluate(d, some))) for d in moved]
        if problem.fields[key].hidden or problem.fields[key].context:
            what = "hidden" if problem.fields[key].hidden else "context"
            need(all(unseen), f"{key!r} is {what}, and yet a change of it changes something.")
        else:
            need(not all(unseen), f"a change of {key!r} changes nothing.")


def violations_are_seen_both_ways(problem: Problem) -> None:
    """A constraint that no point breaks, or none satisfies, is one that no other check examines."""
    broken: dict[str, bool] = {}
    kept: dict[str, bool] = {}
    for case in cases(problem):
        found = problem.evaluate(case.data, points(case, rng_for("both"), 600)).violations
        for name, value in found.items():
            need(bool(np.all(value >= 0)), f"the violation {name!r} is negative or not a number.")
            broken[name] = broken.get(name, False) or bool(np.any(value > 1e-6))
            kept[name] = kept.get(name, False) or bool(np.any(value <= 1e-9))
    for name in kept:
        need(kept[name], f"no point satisfies {name!r}.")
        need(broken[name] or name.endswith(":domain"), f"no point violates {name!r}.")


def the_domain_is_enforced(problem: Problem) -> None:
    case = cases(problem)[0]
    inside = case.space.sample(rng_for("domain"))
    for var in case.space.vars:
        name, width = f"{var.name}:domain", np.asarray(var.upper) - var.lower
        off = {"below": var.lower - 0.1 * width, "above": var.upper + 0.1 * width}
        if var.discrete:
            off["between integers"] = var.lower + 0.5 + 0.0 * width
        for where, value in off.items():
            moved = {**inside, var.name: np.broadcast_to(value, var.shape)}
            found = problem.evaluate(case.data, moved).violations
            need(bool(found[name] > 1e-3), f"{var.name} {where} its range violates nothing.")


def the_flat_view_round_trips(problem: Problem) -> None:
    space = cases(problem)[0].space
    batch = space.sample(rng_for("flat"), (4,))
    same(space.unflatten(space.flatten(batch)), batch, 0, "the flat view")


def torch_agrees_and_differentiates(problem: Problem) -> None:
    for case in cases(problem)[:2]:
        batch = points(case, rng_for("torch"), 24)
        ours, theirs = problem.evaluate(case.data, batch), _in_torch(problem, case.data, batch)
        for name, value in _named(ours).items():
            same(_named(theirs)[name].detach().numpy(), value, 1e-9, f"torch's {name}")


def gradients_are_finite_at_the_corners(problem: Problem) -> None:
    case = cases(problem)[0]
    for end in ("lower", "upper"):
        corner = {
            v.name: np.array(np.broadcast_to(getattr(v, end), v.shape), float)
            for v in case.space.vars
        }
        value = _in_torch(problem, case.data, corner).objective
        need(bool(np.isfinite(value.item())), f"the objective at the {end} bounds is {value}.")


def _in_torch(problem: Problem, data: Mapping[str, np.ndarray], decision: Decision) -> Evaluation:
    """The evaluation in torch, once its gradient has been found finite."""
    import torch

    leaf = {k: torch.tensor(v, requires_grad=True) for k, v in decision.items()}
    found = problem.evaluate({k: torch.tensor(v) for k, v in data.items()}, leaf)
    (found.objective.sum() + found.violation.sum()).backward()
    for name, value in leaf.items():
        finite = value.grad is not None and bool(torch.isfinite(value.grad).all())
        need(finite, f"the gradient by {name!r} is absent or not finite.")
    return found


def _named(found: Evaluation) -> dict[str, Any]:
    return {"objective": found.objective, **found.violations, **found.terms}


def _numbers(found: Evaluation) -> np.ndarray:
    return np.stack([np.asarray(v) for v in (found.objective, *found.violations.values())])


def _same_worth(one: Evaluation, batch: Evaluation, index: tuple[int, ...]) -> None:
    for name, value in _named(one).items():
        need(np.ndim(value) == 0, f"{name} of a single decision has shape {np.shape(value)}.")
        same(value, _named(batch)[name][index], 1e-9, f"{name} of a row and in the batch")


def _refused(problem: Problem, instance: Instance) -> bool:
    try:
        problem.admit(instance)
    except UserError:
        return True
    return False


def _global_state() -> str:
    return str(np.random.get_state(legacy=False)) + str(random.getstate())  # noqa: NPY002


CHECKS: list[Check] = [
    declares_itself,
    every_preset_makes_instances,
    instances_depend_on_the_seed_alone,
    instances_survive_their_files,
    wrong_instances_are_refused,
    an_episode_is_its_frames,
    evaluation_does_not_touch_its_inputs,
    a_batch_is_worth_what_its_rows_are,
    a_batch_of_instances_is_worth_what_they_are,
    every_number_of_the_data_matters,
    violations_are_seen_both_ways,
    the_domain_is_enforced,
    the_flat_view_round_trips,
    torch_agrees_and_differentiates,
    gradients_are_finite_at_the_corners,
    *knowledge.CHECKS,
    *choices.CHECKS,
    *models.CHECKS,
    *planted.CHECKS,
]
