"""The verbs beside a run: list, check, export (verify and train have files of their own)."""

import textwrap
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit import learners, problems, solvers
from toolkit.component import Registry
from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.learners._shipped import shipped
from toolkit.problems import HasPyomo, Problem

from ._audit import audit
from ._case import plan_problem
from ._flags import FORMATS
from ._plan import ensure_writable, make_plan, parse_settings, split_outside_brackets
from ._reproduce import reproduce
from ._training import train

OK, FAILED = 0, 3
MODEL_FORMATS = ("nl", "lp", "mps", "gms")
WIDTH = 120  # of what `list` prints


def show_list(args: Namespace) -> int:
    """Prints the problems with their presets, the solvers and the learners."""
    print("problems (--problem)")
    for name in problems.registry.names():
        cls = problems.registry.find(name)
        _line(name, _first_line(cls, cls.title))
        for preset, fields in cls.presets.items():
            said = ", ".join(f"{k}={_short(v)}" for k, v in fields.items())
            _line(f"  --preset {preset}", said or "all defaults")
    print("\nsolvers (--solvers)")
    for name in solvers.registry.names():
        _line(name, _about(solvers.registry, name))
    print("\nlearners (train --learner)")
    for name in learners.registry.names():
        _line(name, _about(learners.registry, name))
    print("\npolicies that come with the toolkit (--solvers policy[checkpoint=NAME])")
    for name, made in shipped().items():
        said = f"{made['learner']} on {made['problem']}, {made['seconds']:.0f} s of training"
        _line(name, said)
    return OK


def check(args: Namespace) -> int:
    """Puts a component through its conformance tests; 3 where one fails."""
    failures = 0
    for name, failure in _checks(args.name):
        print(
            f"{'FAIL' if failure else 'ok':<5}{name}{f': {failure}' if failure else ''}", flush=True
        )
        failures += failure is not None
    print(f"{args.name}: {failures} failed" if failures else f"{args.name}: conforms")
    return FAILED if failures else OK


def export(args: Namespace) -> int:
    """Writes instances, and their models where a format asks for one."""
    formats = split_outside_brackets(args.format)
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    fields = ["problem", "n_users", "preset", "instances", "seed", "data", "rows"]
    fields += ["frames", "traces"]
    flags: dict[str, Any] = {name: getattr(args, name) for name in fields}
    plan = make_plan({**flags, "set": parse_settings(args.set)})
    problem, instances = plan_problem(plan)
    folder = Path(args.out)
    ensure_writable(folder, "--out")
    for instance in instances:
        for name in formats:
            path = folder / f"{instance.name}.{name}"
            if name in MODEL_FORMATS:
                _write_model(problem, instance, args.formulation, path)
            else:
                instance.write(path)
            print(path)
    return OK


def _checks(name: str) -> Iterator[tuple[str, str | None]]:
    """The outcome of each test, by name; None: it holds. A name may be of several kinds."""
    kinds = [kind for kind in (problems, solvers, learners) if name in kind.registry.names()]
    if not kinds:
        known = {n for kind in (problems, solvers, learners) for n in kind.registry.names()}
        raise unknown("problem, solver or learner", name, known)
    if problems in kinds:
        from toolkit.problems._check import check_problem

        yield from check_problem(problems.load(name, "tiny"))
    if solvers in kinds:
        from toolkit.solvers._check import check_solver

        yield from check_solver(solvers.registry.build(name))
    if learners in kinds:
        from toolkit.learners._check import check_learner

        yield from check_learner(learners.registry.build(name))


def _write_model(problem: Problem, instance: Instance, formulation: str | None, path: Path) -> None:
    """Writes a Pyomo model; UserError where the format cannot hold it."""
    if not isinstance(problem, HasPyomo):
        raise UserError(f"{problem.name!r} has no algebraic model; export json or npz.")
    formulation = formulation or next(iter(problem.formulations))
    if formulation not in problem.formulations:
        raise unknown(f"formulation of {problem.name!r}", formulation, problem.formulations)
    model = problem.pyomo(instance, formulation).model
    try:
        model.write(str(path), io_options={"symbolic_solver_labels": True})
    except (ValueError, RuntimeError, KeyError) as error:
        path.unlink(missing_ok=True)
        raise UserError(
            f"A {path.suffix} file cannot hold the {formulation!r} model of {problem.name!r}, "
            f"which is nonlinear ({_brief(error)}); export nl or gms."
        ) from None


def _about(registry: Registry[Any], name: str) -> str:
    cls = registry.find(name)
    absent = cls().missing()
    return _first_line(cls) + (f" (not installed: {absent})" if absent else "")


def _first_line(cls: type, default: str = "") -> str:
    """What a component says of itself."""
    doc = (cls.__doc__ or "").strip().splitlines()
    return doc[0] if doc else default


def _line(name: str, text: str) -> None:
    """A name and what is said of it, in a column of its own."""
    lead = f"  {name:<24}" if len(name) < 24 else f"  {name} "
    print(textwrap.fill(lead + text, WIDTH, subsequent_indent=" " * 26).rstrip())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _brief(error: BaseException) -> str:
    """The first line of an error, at most 80 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:80]


VERBS = {
    "list": show_list,
    "check": check,
    "verify": audit,
    "export": export,
    "train": train,
    "reproduce": reproduce,
}
