"""A case: one solver on one instance, and the hash of all that can change its numbers."""

import functools
import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import toolkit
from toolkit import problems, solvers
from toolkit.component import parameters
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.instances.mobility import cached_traces
from toolkit.problems import Frames, Problem
from toolkit.solvers import Solver

from ._change import Change, changed
from ._data import episodes_of, instances_of, published, rows_of
from ._environment import ALWAYS as ALWAYS
from ._environment import environment as environment
from ._environment import versions as versions
from ._plan import Plan, bytes_of, parse_solver

SHOWING = ("_command", "_store", "_suite", "_verbs")  # folders of the bench that change no number


@dataclass(frozen=True, kw_only=True)
class Job:
    """A case in the form that travels to another process: names, because classes may not."""

    problem: tuple[str, dict[str, Any]]
    solver: tuple[str, dict[str, Any]]
    instance: Instance
    seed: int
    seconds: float
    evaluations: int | None
    memory: int | None = None  # bytes that a run may hold, as it was asked for
    ceiling: int | None = None  # bytes that it may hold where nothing was: its share of the machine
    asked: bool = True  # as of a case
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run: a problem's instance, a solver, a seed and limits."""

    problem: Problem
    preset: str | None
    instance: Instance
    solver: Solver
    seed: int
    seconds: float
    evaluations: int | None
    memory: int | None = None
    asked: bool  # the solver was named; otherwise a refusal is no row, only a remark
    plugins: tuple[str, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return str(self.solver)

    @property
    def job(self) -> "Job":
        return Job(
            problem=(self.problem.name, self.problem.params),
            solver=(self.solver.name, self.solver.params),
            instance=self.instance,
            seed=self.seed,
            seconds=self.seconds,
            evaluations=self.evaluations,
            memory=self.memory,
            asked=self.asked,
            plugins=self.plugins,
        )

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 (20 digits) of everything that can change a number of this run."""
        identity = {
            "problem": [self.problem.name, self.problem.version, self.problem.identity],
            "digest": self.instance.digest,
            "solver": [self.solver.name, self.solver.params],
            "inputs": [file_digest(path) for path in self.solver.inputs()],
            "limits": [self.seconds, self.evaluations, self.memory],
            "seed": self.seed,
            "toolkit": [toolkit.__version__, source_digest()],
            "installed": brought_digests(self.problem, self.solver),
            "python": platform.python_version(),
            "versions": versions((*ALWAYS, *self.solver.packages)),
        }
        text = json.dumps(identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def file_digest(path: Path) -> str:
    """A hash of a file that a solver reads; UserError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror}; name a file.") from None


def brought_digests(problem: Problem, solver: Solver) -> list[str]:
    """What these files hold."""
    files = brought_by(problem, solver)
    return sorted(_digest_as_of(file, file.stat().st_mtime_ns) for file in files)


@functools.cache
def _digest_as_of(path: Path, changed: int) -> str:
    """`file_digest`, once for each state of a file: every case of a study asks."""
    return file_digest(path)


def brought_by(problem: Problem, solver: Solver) -> list[Path]:
    """The files of the components that an installed package or a plug-in brings; of a package that
    has several modules, all: a component may import any of them."""
    frame = problem.frame if isinstance(problem, Frames) else problem
    modules = {type(part).__module__ for part in (frame, *solver.parts)}
    return sorted({file for name in modules for file in _sources(name)})


def _sources(module: str) -> Iterable[Path]:
    """The files of a module's package, or of the module alone; none of the toolkit's."""
    whole = sys.modules.get(module.partition(".")[0])
    for found in () if whole is toolkit else (whole, sys.modules.get(module)):
        if name := getattr(found, "__file__", None):
            file = Path(name)
            return file.parent.rglob("*.py") if file.name == "__init__.py" else [file]
    return []


@functools.cache
def source_digest() -> str:
    """A hash of the toolkit's source files that can change a number.

    No solver can import the reports, and none is asked by what draws, stores, shows or exports
    runs: a new figure does not make runs stale.
    """
    root = Path(toolkit.__file__).parent
    drawn = set((root / "reports").rglob("*.py")) - {root / "reports" / "record.py"}
    drawn |= set((root / "problems").rglob("*pictures.py"))
    drawn |= {path for name in SHOWING for path in (root / "bench" / name).glob("*.py")}
    sha = hashlib.sha256()
    for path in sorted(set(root.rglob("*.py")) - drawn):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


def chosen_solvers(specs: list[str] | None) -> list[Solver]:
    """The solvers of a plan, each once; all that can be used where none is named."""
    if specs is None:
        usable = solvers.registry.usable(_warn)
        return [solvers.registry.build(name) for name, _ in usable]
    built = []
    for text in specs:
        name, params = parse_solver(text)
        built.append(solvers.registry.build(name, **params))
    return list({str(solver): solver for solver in built}.values())


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


def chosen_problem(plan: Plan) -> Problem:
    """The plan's problem."""
    if plan.problem is None:
        known = ", ".join(problems.registry.names())
        raise UserError(f"No problem is named; give --problem NAME (known: {known}).")
    if plan.traces is not None:
        _meet_traces(plan.problem, plan.traces)
    return problems.load(plan.problem, plan.preset, **plan.problem_params)


@functools.cache
def _meet_traces(problem: str, folder: str) -> None:
    """Reads a folder of traces before anything runs, and tells what is wrong with them, once."""
    if "traces" not in parameters(problems.registry.find(problem)):
        raise UserError(f"The users of {problem!r} do not move along traces; leave out --traces.")
    found = cached_traces(folder)
    if found.remarks:
        print(f"warning: --traces {folder}: {found.summary}", file=sys.stderr)


Drawn = tuple[Problem, list[Instance]]


def plan_problem(plan: Plan) -> Drawn:
    """The plan's problem, and its instances, admitted before anything runs."""
    return plan_problems(plan)[0]


def plan_problems(plan: Plan) -> list[Drawn]:
    """The same for each value of the plan's sweep, with the random numbers of the plan without."""
    if plan.data is not None:
        return [_published(setting, plan.data) for setting in plan.settings()]
    base = chosen_problem(plan)
    found = [chosen_problem(setting) for setting in plan.settings()]
    return [(problem, _instances(plan, problem, dice=base)) for problem in found]


def _published(plan: Plan, file: str) -> Drawn:
    """The problem of published data, and the rows that the plan names."""
    fields = dict(plan.problem_params)
    frames = fields.pop("frames", None)
    found = published(problems.load(plan.problem or "", plan.preset, **fields), file, fields)
    total = len(next(iter(found.data.values())))
    if frames is None:
        return found.problem, instances_of(found, file, rows_of(plan.rows, total, plan.instances))
    problem = problems.load(found.problem.name, **{**found.problem.params, "frames": frames})
    assert isinstance(problem, Frames)
    rows = rows_of(plan.rows, total, min(plan.instances, max(1, total // frames)) * frames)
    return problem, [
        changed(problem, one, plan.change) for one in episodes_of(found, problem, file, rows)
    ]


def _instances(plan: Plan, problem: Problem, dice: Problem) -> list[Instance]:
    try:
        every = range(plan.instances)
        return [drawn(problem, index, plan.seed, dice, plan.change) for index in every]
    except MemoryError:
        raise UserError(
            f"{plan.instances} instances of {problem} do not fit in memory; ask for fewer users."
        ) from None


def drawn(
    problem: Problem, index: int, seed: int, dice: Problem, changes: Sequence[Change] = ()
) -> Instance:
    """An instance of the generator; UserError where its fields draw what the problem refuses."""
    with np.errstate(all="ignore"):  # what over- or underflows is refused below
        instance = changed(problem, problem.instance(index, seed, dice), changes)
    try:
        return problem.admit(instance)
    except UserError as error:
        said = str(error).removesuffix(".")
        raise UserError(
            f"{problem} draws data that it cannot take ({said}); set other values."
        ) from None


def read_instance(path: Path) -> tuple[Problem, Instance]:
    """An instance file, admitted by the problem that it is of."""
    instance = Instance.read(path)
    problem = problem_of(instance, str(path))
    instance = Instance(problem.name, instance.version, instance.data, problem.params, path.stem)
    return problem, problem.admit(instance)


def problem_of(instance: Instance, where: str) -> Problem:
    """The problem that an instance names, with the fields that drew it."""
    if not isinstance(instance.problem, str):
        raise UserError(f"{where} is not an instance: its 'problem' is not a name.")
    return problems.registry.build(instance.problem, **instance.params)


def make_cases(plan: Plan, problem: Problem, instances: Iterable[Instance]) -> list[Case]:
    """Every chosen solver on every instance, instance by instance; published data bring theirs."""
    each = [solver.for_problem(problem) for solver in chosen_solvers(plan.solvers)]
    chosen = list({str(solver): solver for solver in each}.values())
    if plan.data is not None:
        stated = solvers.registry.build("published", data=plan.data)
        chosen = [*(s for s in chosen if s.name != stated.name), stated]
    plugins = tuple(str(Path(p).resolve()) for p in plan.plugin)
    return [
        Case(
            problem=problem,
            preset=plan.preset,
            instance=instance,
            solver=solver,
            seed=plan.seed + repeat,
            seconds=plan.seconds,
            evaluations=plan.evaluations,
            memory=bytes_of(plan.memory),
            asked=plan.solvers is not None,
            plugins=plugins,
            environment=environment(plan.jobs, solver),
        )
        for instance in instances
        for solver in chosen
        for repeat in range(plan.repeats)
    ]
