"""python -m toolkit.bench: a run, or one of the verbs of `_flags.VERBS`."""

import sys
from argparse import Namespace
from typing import Any

import toolkit
from toolkit.errors import UserError, unknown

from ._command import _flags, _streams

BROKEN_PIPE = 141  # what a shell shows for a program that SIGPIPE ended
INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Does what the arguments say; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    _streams.settle()
    try:
        code = _dispatch(argv)
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        _streams.discard()  # nobody reads any more: end quietly
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if (said := _explained(error)) is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        return 2


def _explained(error: Exception) -> str | None:
    """What is at fault where that is no fault of the toolkit's."""
    from toolkit._outside import blamed

    if isinstance(error, OSError) and _streams.is_lost():
        _streams.discard()
        return f"Standard output cannot be written ({error.strerror}); what ran is in the store."
    if said := blamed(error):
        return f"A plug-in is at fault: {said}; mend it, or leave it out."
    return None


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0].startswith("-"):
        return _run(_flags.run_parser().parse(argv))
    verb, *rest = argv
    if verb not in _flags.VERBS:
        raise unknown("verb", verb, _flags.VERBS)
    args = getattr(_flags, f"{verb}_parser")().parse(rest)
    if verb == "solve":
        return _solve(args)
    from ._cases._plugins import load_plugins, tell_of_clashes
    from ._verbs import VERBS

    load_plugins(args.plugin or [])
    tell_of_clashes()
    return VERBS[verb](args)


def _run(args: Namespace) -> int:
    if args.version:
        print(f"mec-toolkit {toolkit.__version__}")
        return 0
    from pathlib import Path

    from ._cases._case import plan_problems
    from ._cases._plan import make_plan
    from ._cases._plugins import load_plugins, tell_of_clashes
    from ._command._run import run

    plan = make_plan(_given(args), Path(args.plan) if args.plan else None)
    load_plugins(plan.plugin)
    tell_of_clashes()
    if plan.suite is not None:
        from ._suite._known import known_of

        known = known_of(plan.suite)
        return run(plan, known.drawn, known)
    return run(plan, plan_problems(plan))


def _solve(args: Namespace) -> int:
    from pathlib import Path

    from ._cases._case import read_instance
    from ._cases._plan import make_plan
    from ._cases._plugins import load_plugins, tell_of_clashes
    from ._command._run import run

    plan = make_plan({**_given(args), "instances": 1})
    load_plugins(plan.plugin)
    tell_of_clashes()
    problem, instance = read_instance(Path(args.file))
    return run(plan, [(problem, [instance])])


def _given(args: Namespace) -> dict[str, Any]:
    """The flags that were given, under the names that a plan file has."""
    from ._cases._plan import Plan, parse_settings, split_outside_brackets

    flags = {key: value for key, value in vars(args).items() if key in Plan.__struct_fields__}
    flags["set"] = parse_settings(flags.get("set") or []) or None
    if flags.get("solvers") is not None:
        flags["solvers"] = split_outside_brackets(flags["solvers"])
    return flags


if __name__ == "__main__":
    raise SystemExit(main())
