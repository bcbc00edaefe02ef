"""The verbs beside a run: list and export (the others have files of their own)."""

import importlib.util
import sys
import textwrap
from argparse import Namespace
from pathlib import Path
from typing import Any

from toolkit import learners, problems, solvers
from toolkit.bench._cases._case import plan_problem
from toolkit.bench._cases._plan import (
    ensure_writable,
    make_plan,
    parse_settings,
    split_outside_brackets,
)
from toolkit.bench._command._flags import FORMATS
from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.learners import Learner
from toolkit.learners._shipped import shipped
from toolkit.problems import HasPyomo, Problem
from toolkit.solvers import Solver

from ._audit import audit
from ._check import check
from ._compare import compare
from ._dump import dump
from ._leaderboard import leaderboard
from ._merge import merge
from ._report import report
from ._reproduce import reproduce
from ._suite import suite
from ._training import train

OK = 0
MODEL_FORMATS = ("nl", "lp", "mps", "gms")
WIDTH = 120  # of what `list` prints


def show_list(args: Namespace) -> int:
    """Prints the problems with their presets, the solvers and the learners."""
    broken: list[str] = []
    print("problems (--problem)")
    for name, cls in problems.registry.usable(broken.append):
        _line(name, _first_line(cls, cls.title))
        for preset, fields in cls.presets.items():
            said = ", ".join(f"{k}={_short(v)}" for k, v in fields.items())
            _line(f"  --preset {preset}", said or "all defaults")
    print("\nsolvers (--solvers)")
    for name, solver in solvers.registry.usable(broken.append):
        _line(name, _about(solver))
    print("\nlearners (train --learner)")
    for name, learner in learners.registry.usable(broken.append):
        _line(name, _about(learner))
    print("\npolicies that come with the toolkit (--solvers policy[checkpoint=NAME])")
    for name, made in shipped().items():
        said = f"{made['learner']} on {made['problem']}, {made['seconds']:.0f} s of training"
        _line(name, said)
    for text in broken:
        print(f"warning: {text}", file=sys.stderr)
    return OK


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


def _about(cls: type[Solver] | type[Learner]) -> str:
    absent = next((p for p in cls.requires if importlib.util.find_spec(p) is None), None)
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
    "dump": dump,
    "merge": merge,
    "suite": suite,
    "report": report,
    "leaderboard": leaderboard,
    "compare": compare,
}
