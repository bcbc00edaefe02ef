"""A plan: which problem meets which solvers, on which instances, with what budget."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from toolkit.component import parse_spec, parse_value
from toolkit.component import split_outside_brackets as split_outside_brackets
from toolkit.errors import UserError, unknown
from toolkit.reports.papers.study import Panel, PaperClaim

from ._change import Change

DEFAULT_STORE = "results/runs.sqlite"
MOST_INSTANCES = 1_000_000
MOST = 2**62  # of a whole number that the store can hold
EXECUTORS = ("local", "dask")
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
FILE_ONLY = ("change", "sweep")  # what no flag says
DRAWING = ("problem", "n_users", "preset", "set", "data", "rows", "traces", "frames", *FILE_ONLY)
LEAST_MEMORY = 64 * 2**20  # a process that has imported what all need holds more than that

parse_solver = parse_spec
Rerun = Literal["failed", "timeouts", "all"]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the command was asked for, as given by flags or by a TOML file with the same names.

    Only a file has `sweep` and `change`, and what the verb `reproduce` draws and judges: `title`,
    `note`, `methods` (solvers under a paper's names, in place of `solvers`), `panels`, `claims`.
    """

    problem: str | None = None
    suite: str | None = None  # a frozen one, in place of a problem and its instances
    n_users: int | None = None
    preset: str | None = None
    set: dict[str, Any] = {}
    data: str | None = None  # published data in place of the generator's instances
    rows: str | None = None  # "A:B" of these; None: the first `instances`
    traces: str | None = None  # a folder of mobility traces: the generator's field `traces`
    frames: int | None = None  # of an episode; None: an instance is one frame
    change: list[Change] = []  # of the world inside an episode
    sweep: dict[str, list[Any]] = {}  # a generator field, and the values that it takes in turn
    instances: int = 3
    seed: int = 0
    repeats: int = 1  # runs of a solver on an instance, with seeds from `seed` on
    solvers: list[str] | None = None  # None: every solver that takes the problem
    seconds: float = 10.0
    evaluations: int | None = None
    memory: str | None = None  # that a run may hold: "2G", "500M"; None: its share of the machine
    jobs: int = 1
    executor: str = "local"  # or "dask"
    scheduler: str | None = None  # of a Dask cluster; None: one of `jobs` processes on this machine
    store: str = DEFAULT_STORE
    rerun: Rerun = "failed"  # of the stored runs
    report: str | None = None
    out: str | None = None
    plugin: list[str] = []
    quiet: bool = False
    json: bool = False
    title: str = ""
    note: str = ""
    methods: dict[str, str] = {}
    panels: list[Panel] = []
    claims: list[PaperClaim] = []

    def __post_init__(self) -> None:
        for name, most in (("instances", MOST_INSTANCES), ("jobs", 1024), ("repeats", 10_000)):
            if not 1 <= getattr(self, name) <= most:
                raise UserError(
                    f"--{name} is {getattr(self, name)}; it must be between 1 and {most:,}."
                )
        if not 0 < self.seconds <= 1e7:
            raise UserError(f"--seconds is {self.seconds:g}; it must be above 0 and at most 1e7.")
        if self.evaluations is not None and not 1 <= self.evaluations <= MOST:
            raise UserError(f"--evaluations is {self.evaluations}; it must be at least 1.")
        bytes_of(self.memory)
        if self.executor not in EXECUTORS:
            raise unknown("executor", self.executor, EXECUTORS)
        if self.scheduler is not None and self.executor != "dask":
            raise UserError("--scheduler is that of a Dask cluster; give --executor dask, too.")
        if not 0 <= self.seed <= MOST:
            raise UserError(f"--seed is {self.seed}; it must be between 0 and {MOST:,}.")
        if self.suite is not None:
            _alone(self)
        if self.rows is not None and self.data is None:
            raise UserError("--rows are rows of published data; name their file with --data.")
        if self.change and self.frames is None:
            raise UserError("A change is one inside an episode; give --frames T.")
        if len(self.sweep) > 1 or not all(self.sweep.values()):
            raise UserError(f"sweep is {self.sweep}; it must name one field and its values.")
        if self.solvers is not None and not self.solvers:
            raise UserError("--solvers names no solver; leave it out to run every solver.")

    @property
    def problem_params(self) -> dict[str, Any]:
        """The generator's fields that were set, and those that have a flag of their own."""
        flags = {"n_users": self.n_users, "frames": self.frames, "traces": self.traces}
        return {**self.set, **{name: value for name, value in flags.items() if value is not None}}

    def settings(self) -> list["Plan"]:
        """A plan for each value of the sweep; the plan itself where there is none."""
        if not self.sweep:
            return [self]
        ((field, values),) = self.sweep.items()
        replace = msgspec.structs.replace
        return [
            replace(self, sweep={}, **{field: v})
            if field in ("n_users", "frames")
            else replace(self, sweep={}, set={**self.set, field: v})
            for v in values
        ]


def _alone(plan: Plan) -> None:
    """UserError where a suite is to have other instances than its own."""
    given = [name for name in DRAWING if getattr(plan, name) not in (None, {}, [])]
    if given:
        word = given[0] if given[0] in FILE_ONLY else f"--{given[0].replace('_', '-')}"
        raise UserError(f"A suite has instances of its own; leave out {word} or --suite.")


def make_plan(flags: dict[str, Any], file: Path | None = None) -> Plan:
    """The plan of a TOML file, with the flags that were given on top."""
    content = {} if file is None else _read(file)
    given = {key: value for key, value in flags.items() if value is not None}
    if content.get("methods") and isinstance(content["methods"], dict):
        content.setdefault("solvers", list(content["methods"].values()))
    if "instances" in (asked := {**content, **given}) and asked.get("suite") is not None:
        raise UserError("A suite has instances of its own; leave out --instances or --suite.")
    try:
        return msgspec.convert(asked, Plan)
    except msgspec.ValidationError as error:
        where = f"The plan {str(file)!r}" if file else "The plan"
        raise UserError(f"{where} is not valid: {error}.") from None


def bytes_of(memory: str | None) -> int | None:
    """The bytes of "2G" and the like; UserError where it is no such text."""
    if memory is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?", memory.strip(), re.IGNORECASE)
    if found is None:
        raise UserError(f"--memory is {memory!r}; give bytes, or a size such as 500M or 2G.")
    size = float(found[1]) * UNITS[found[2].upper()]
    if not LEAST_MEMORY <= size <= MOST:
        raise UserError(f"--memory is {memory}; it must be at least 64M, and below 8 EiB.")
    return int(size)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text())
    except OSError as error:
        raise UserError(f"Cannot read the plan {str(file)!r}: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"The plan {str(file)!r} is not a TOML file: {error}.") from None
    for key in content:
        if key not in Plan.__struct_fields__:
            raise unknown(f"entry of the plan {str(file)!r}", key, Plan.__struct_fields__)
    return content


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """{"KEY": value} of the texts "KEY=VALUE"."""
    out = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not (key.strip() and equals and value.strip()):
            raise UserError(f"Cannot read --set {text!r}; write it as KEY=VALUE.")
        out[key.strip()] = parse_value(value.strip())
    return out


def ensure_writable(folder: Path, flag: str) -> None:
    """Makes the folder; UserError, before anything has run, where files cannot be written."""
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"Cannot write to {flag} {str(folder)!r} ({error.strerror}); "
            "name a folder that can be written."
        ) from None
