"""python -m toolkit.bench: run, list, check, verify, export, solve, train."""

import os
import sys
from argparse import Namespace
from typing import Any

import toolkit
from toolkit.errors import UserError, unknown

from . import _flags

BROKEN_PIPE = 141  # what a shell shows for a program that SIGPIPE ended
INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Does what the arguments say; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        code = _dispatch(argv)
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Nobody reads any more: end quietly, and let Python's own flush at exit go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0].startswith("-"):
        return _run(_flags.run_parser().parse(argv))
    verb, *rest = argv
    if verb not in _flags.VERBS:
        raise unknown("verb", verb, _flags.VERBS)
    args = getattr(_flags, f"{verb}_parser")().parse(rest)
    if verb == "solve":
        return _solve(args)
    from ._plugins import load_plugins
    from ._verbs import VERBS

    load_plugins(args.plugin or [])
    return VERBS[verb](args)


def _run(args: Namespace) -> int:
    if args.version:
        print(f"mec-toolkit {toolkit.__version__}")
        return 0
    from pathlib import Path

    from ._case import plan_problems
    from ._plan import make_plan
    from ._plugins import load_plugins
    from ._run import run

    plan = make_plan(_given(args), Path(args.plan) if args.plan else None)
    load_plugins(plan.plugin)
    return run(plan, plan_problems(plan))


def _solve(args: Namespace) -> int:
    from pathlib import Path

    from ._case import read_instance
    from ._plan import make_plan
    from ._plugins import load_plugins
    from ._run import run

    plan = make_plan({**_given(args), "instances": 1})
    load_plugins(plan.plugin)
    problem, instance = read_instance(Path(args.file))
    return run(plan, [(problem, [instance])])


def _given(args: Namespace) -> dict[str, Any]:
    """The flags that were given, under the names that a plan file has."""
    from ._plan import Plan, parse_settings, split_outside_brackets

    flags = {key: value for key, value in vars(args).items() if key in Plan.__struct_fields__}
    flags["set"] = parse_settings(flags.get("set") or []) or None
    if flags.get("solvers") is not None:
        flags["solvers"] = split_outside_brackets(flags["solvers"])
    return flags


if __name__ == "__main__":
    raise SystemExit(main())
