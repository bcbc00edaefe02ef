"""The verb `train`: a learner, a budget, and a checkpoint from which training can go on."""

import math
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit import learners, solvers
from toolkit.arrays import Data, Decision
from toolkit.bench._cases._case import chosen_problem, file_digest
from toolkit.bench._cases._data import chosen_rows, published, rows_of
from toolkit.bench._cases._plan import (
    Plan,
    ensure_writable,
    make_plan,
    parse_settings,
    parse_solver,
)
from toolkit.bench._engine._signals import STOPPING, handled_by
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.learners import Checkpoint, Learner, Training
from toolkit.problems import TOLERANCE, Frames, Problem, Published
from toolkit.reports import numbers
from toolkit.solvers import Budget, Probe, Solver

if TYPE_CHECKING:
    from torch import nn

OK, FAILED, INTERRUPTED = 0, 3, 130
TEACHER = "exact"
NAMES = ("problem", "n_users", "preset", "seed", "data", "rows", "traces")
SAY_EVERY = 1.0  # seconds
Listener = Callable[[int, float, dict[str, float]], None]


@dataclass(frozen=True)
class Labels:
    """A solver as a teacher: its decisions for one instance after the other, without limits."""

    solver: Solver

    def __call__(self, problem: Problem, data: Data) -> tuple[Decision, np.ndarray]:
        """The discrete blocks of its decisions, (rows, …), and which of them are feasible."""
        count = len(next(iter(data.values())))
        rows = [{key: value[i] for key, value in data.items()} for i in range(count)]
        found = [self._decide(problem, row) for row in rows]
        names = [var.name for var in problem.space(rows[0]).discrete]
        return {n: np.stack([row[n] for row, _ in found]) for n in names}, np.array(
            [solved for _, solved in found]
        )

    def _decide(self, problem: Problem, data: Data) -> tuple[Decision, bool]:
        instance = Instance(problem.name, problem.version, data)
        probe = Probe(problem, instance, Budget(), rng_for("teach", instance.digest))
        result = probe.certify(self.solver.solve(problem, instance, probe))
        if result.decision is None:
            blocks = problem.space(instance.data).vars
            return {var.name: np.zeros(var.shape) for var in blocks}, False
        return result.decision, (result.violation or 0.0) <= TOLERANCE


def train(args: Namespace) -> int:
    """Trains, or goes on training; the checkpoint is the result."""
    learner, plan = _learner(args.learner), _plan(args)
    rows = None if plan.data is None else _rows(plan, plan.data)
    problem = chosen_problem(plan) if rows is None else rows.problem
    if isinstance(problem, Frames):
        raise UserError("Learners train on single frames; leave out frames.")
    if reason := learner.refuses(problem):
        raise UserError(f"{learner.name} cannot learn {problem.name}: {reason}.")
    run = _training(args, learner, problem)
    if rows is not None:
        if not learner.streams:
            raise UserError(f"{learner.name} takes the generator's instances; leave out --data.")
        run.frames, run.optima = rows.data, rows.objective
        run.notes["data"] = [file_digest(Path(args.data)), args.rows]
    out = Path(args.out)
    _begin(args, out, learner, run)
    if run.over:
        return _nothing_left(out, run)
    with Curves(args.logdir, run.step) as curves:
        run.listener = _both(curves.point, None if args.quiet else Lines(run.step))
        run.checkpoint = lambda net, now: _keep(out, learner, net, now)
        with handled_by(_ask_to_stop(run), *STOPPING):
            net = learners.fit(learner, run)
    return _end(out, learner, run, _keep(out, learner, net, run))


def _plan(args: Namespace) -> Plan:
    flags = {name: getattr(args, name) for name in NAMES}
    return make_plan({**flags, "set": parse_settings(args.set)})


def _rows(plan: Plan, file: str) -> Published:
    """The rows of published data that the plan names, all where it names none."""
    found = published(chosen_problem(plan), file, plan.problem_params)
    return chosen_rows(found, file, rows_of(plan.rows, len(next(iter(found.data.values()))), None))


def _learner(text: str | None) -> Learner:
    if text is None:
        known = ", ".join(learners.registry.names())
        raise UserError(f"No learner is named; give --learner NAME (known: {known}).")
    name, params = parse_solver(text, "learner")
    return learners.registry.build(name, **params)


def _training(args: Namespace, learner: Learner, problem: Problem) -> Training:
    """The run that the flags ask for."""
    if args.seconds is None and args.steps is None:
        raise UserError("Training needs an end: give --seconds S, --steps N, or both.")
    for name in ("seconds", "steps", "save_every"):
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise UserError(f"--{name.replace('_', '-')} is {value:g}; it must be above 0.")
    teacher = _teacher(args.teacher, learner, problem)
    return Training(
        problem=problem,
        seconds=args.seconds or math.inf,
        max_steps=args.steps or math.inf,
        seed=args.seed or 0,
        teacher=None if teacher is None else Labels(teacher),
        save_every=args.save_every or Training.save_every,
        notes={} if teacher is None else {"teacher": str(teacher)},
    )


def _teacher(text: str | None, learner: Learner, problem: Problem) -> Solver | None:
    """The solver whose decisions a learner copies; None for one that needs none."""
    if not learner.taught:
        if text is not None:
            raise UserError(f"{learner.name} learns without a teacher; leave out --teacher.")
        return None
    name, params = parse_solver(text or TEACHER)
    solver = solvers.registry.build(name, **params)
    reason = solver.missing() and f"it needs the package {solver.missing()}"
    if reason := reason or solver.refuses(problem, problem.instance()):
        raise UserError(f"{name} cannot teach {problem.name}: {reason}; name another --teacher.")
    return solver


def _begin(args: Namespace, out: Path, learner: Learner, run: Training) -> None:
    """Makes sure that the result can be kept, and takes up what an earlier run left."""
    ensure_writable(out.parent, "--out")
    if out.is_dir():
        raise UserError(f"--out {str(out)!r} is a folder; name a file.")
    if args.logdir is not None:
        ensure_writable(Path(args.logdir), "--logdir")
    if not out.exists():
        return
    if not args.resume:
        raise UserError(f"--out {str(out)!r} exists; give --resume to go on, or another name.")
    file = Checkpoint.read(out)
    ours = {
        "learner": learner.name,
        "params": learner.params,
        "problem": run.problem.name,
        "problem_params": run.problem.params,
        "seed": run.seed,
        **run.notes,
    }
    for key, value in ours.items():
        if file.head.get(key) != _as_json(value):
            raise UserError(
                f"{str(out)!r} was trained with {key} {file.head.get(key)!r}, not {value!r}; "
                "ask for the same, or name another --out."
            )
    file.rebuild()  # refuses what another version of the problem left
    run.resume(file.head, file.weights, file.state)


def _as_json(value: Any) -> Any:
    """What a value reads back as from a JSON head."""
    import json

    return json.loads(json.dumps(value))


def _ask_to_stop(run: Training) -> Callable[[int, Any], None]:
    """A handler that lets the step at hand end; asked a second time it interrupts."""

    def handler(number: int, frame: Any) -> None:
        if run.stopped:
            raise KeyboardInterrupt
        run.stopped = True

    return handler


def _keep(out: Path, learner: Learner, net: "nn.Module", run: Training) -> bool:
    """Writes the checkpoint; False, and an end to the run, where weights are not finite."""
    import torch

    if not all(bool(torch.isfinite(value).all()) for value in net.state_dict().values()):
        run.stopped = True
        return False
    learners.save(out, learner, net, run)
    return True


def _end(out: Path, learner: Learner, run: Training, kept: bool) -> int:
    """Says what came of it; the exit code."""
    spent = f"{run.step} steps in {numbers.duration(run.spent)}"
    if not kept:
        print(f"{learner} diverged within {spent}: its weights are not finite.", file=sys.stderr)
        return FAILED
    if run.stopped:
        print(f"Interrupted: {out} has {spent}; --resume goes on.", file=sys.stderr)
        return INTERRUPTED
    print(f"{out}: {learner} trained on {run.problem}, {spent}")
    print(f"use it: --solvers 'policy[checkpoint={out}]'")
    return OK


def _nothing_left(out: Path, run: Training) -> int:
    """Says that the file has had its budget; it stays as it is."""
    spent = f"{run.step} steps in {numbers.duration(run.spent)}"
    flag, most = ("steps", run.max_steps) if run.step >= run.max_steps else ("seconds", run.seconds)
    print(f"{out}: nothing left to do: it has {spent}, --{flag} is {most:g}; raise it to go on.")
    return OK


def _both(one: Listener, other: Listener | None) -> Listener:
    def listener(step: int, seconds: float, values: dict[str, float]) -> None:
        one(step, seconds, values)
        if other is not None:
            other(step, seconds, values)

    return listener


class Lines:
    """A line of progress on standard error, at most one a second."""

    def __init__(self, step: int) -> None:
        self._told = -math.inf
        if step:
            print(f"going on after step {step}", file=sys.stderr)

    def __call__(self, step: int, seconds: float, values: dict[str, float]) -> None:
        if time.monotonic() - self._told < SAY_EVERY:
            return
        self._told = time.monotonic()
        said = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(f"step {step} {seconds:.1f} s {said}", file=sys.stderr, flush=True)


class Curves:
    """The training curve as TensorBoard reads it; nothing without a folder."""

    def __init__(self, folder: str | None, step: int) -> None:
        self._writer: Any = None
        if folder is not None:
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(folder, purge_step=step or None)

    def point(self, step: int, seconds: float, values: dict[str, float]) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def __enter__(self) -> "Curves":
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.close()
