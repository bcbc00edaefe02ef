"""Plans of papers over runs: which runs are a plan's, and what is made of them."""

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import solvers
from toolkit.bench._cases._case import chosen_problem, drawn, plan_problems
from toolkit.bench._cases._plan import Plan, bytes_of, make_plan, parse_solver
from toolkit.bench._cases._plugins import load_plugins
from toolkit.bench._engine._fields import plain
from toolkit.errors import UserError, unknown
from toolkit.problems import Problem
from toolkit.reports.papers.card import Chapter
from toolkit.reports.papers.metrics import CURVES, TENTHS, metric_of
from toolkit.reports.papers.study import Panel, PaperClaim, Study
from toolkit.reports.record import Record

NAME = re.compile(r"-s(\d+)-(changed-)?(\d+)$")  # the end of an instance's name
Worlds = dict[tuple[str, str], list[Record]]  # runs by the generator's fields


@dataclass(frozen=True)
class Studies:
    """Plans over the runs of a store; `absent` are the names of those that have no run there."""

    chapters: tuple[Chapter, ...]
    absent: tuple[str, ...]

    @property
    def remark(self) -> str:
        """Which plans are left out, in a sentence; empty where none is."""
        if not self.absent:
            return ""
        which = f"the plan{'s' * (len(self.absent) > 1)} {', '.join(self.absent)}"
        return f"No runs here of {which}; the verb reproduce makes them."


def studies_of(files: Iterable[Path], records: Iterable[Record]) -> Studies:
    """What the plans of these files make of the runs, oldest first, that are theirs."""
    worlds: Worlds = defaultdict(list)
    for record in records:
        worlds[record.problem, _text(record.problem_params)].append(record)
    chapters, absent = [], []
    for file in sorted(files, key=place_of):
        plan = make_plan({}, file)
        command = f"python -m toolkit.bench reproduce {shlex.quote(str(file))} --out card"
        load_plugins(plan.plugin)
        labels = labels_of(file.stem, plan)
        if found := _runs_of(plan, set(labels.values()), worlds):
            chapters.append(chapter_of(file.stem, plan, labels, found, command))
        else:
            absent.append(file.stem)
    return Studies(tuple(chapters), tuple(absent))


def chapter_of(
    name: str, plan: Plan, labels: dict[str, str], records: list[Record], command: str = ""
) -> Chapter:
    """A plan's figure and claims over its runs."""
    study = Study(records, labels, next(iter(plan.sweep), None))
    title = plan.title or name
    return Chapter(name, title, plan.note, study, plan.panels, plan.claims, command)


def _runs_of(plan: Plan, labels: set[str], worlds: Worlds) -> list[Record]:
    """The newest run of each of a plan's cases."""
    if plan.data is not None:
        every = [(problem, {i.digest for i in each}) for problem, each in plan_problems(plan)]
    else:
        problems = [chosen_problem(setting) for setting in plan.settings()]
        every = [(problem, _digests(plan, problem, worlds)) for problem in problems]
    return list(
        {
            (r.digest, r.label, r.seed): r
            for problem, digests in every
            for r in worlds.get(_world(problem), [])
            if r.digest in digests and r.label in labels and _of_plan(r, plan)
        }.values()
    )


def _of_plan(record: Record, plan: Plan) -> bool:
    limits = {
        "seconds": plan.seconds,
        "evaluations": plan.evaluations,
        "memory": bytes_of(plan.memory),
    }
    return 0 <= record.seed - plan.seed < plan.repeats and all(
        record.limits.get(name) == value for name, value in limits.items()
    )


def _digests(plan: Plan, problem: Problem, worlds: Worlds) -> set[str]:
    """Those of the plan's instances that were solved.

    To draw long episodes again takes seconds each, which names spare: these tell an instance but
    for a swept field, whose dice are the plan's, and for changes. The first is drawn then, and
    every one whose name several have.
    """
    known: dict[int, set[str]] = defaultdict(set)
    for record in worlds.get(_world(problem), []):
        found = NAME.search(record.instance)
        if found and int(found[1]) == plan.seed and bool(found[2]) == bool(plan.change):
            known[int(found[3])].add(record.digest)
    sure = not (plan.sweep or plan.change)
    out: set[str] = set()
    for index in sorted(index for index in known if index < plan.instances):
        if not sure or len(known[index]) > 1:
            one = drawn(problem, index, plan.seed, chosen_problem(plan), plan.change).digest
            if one not in known[index]:
                continue
            sure, known[index] = True, {one}
        out |= known[index]
    return out


def _world(problem: Problem) -> tuple[str, str]:
    return problem.name, _text(plain(problem.params))


def _text(params: dict[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def place_of(file: Path) -> list[tuple[int, str]]:
    """fig4 comes before fig10."""
    parts = re.split(r"(\d+)", file.stem)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def labels_of(name: str, plan: Plan) -> dict[str, str]:
    """The label behind each of the paper's names; UserError where a plan cannot be drawn."""
    if not plan.methods or not plan.panels:
        raise UserError(f"The plan {name!r} has no [methods] or no [[panels]]; run it with --plan.")
    labels = {}
    for method, spec in plan.methods.items():
        solver, params = parse_solver(spec)
        built = solvers.registry.build(solver, **params)
        labels[method] = str(built.for_problem(chosen_problem(plan)))
        if list(labels.values()).count(labels[method]) > 1:
            raise UserError(f"The plan {name!r} has {labels[method]} twice; give it one name.")
    for claim in plan.claims:
        _admit_claim(name, plan, claim)
    for panel in plan.panels:
        _admit_panel(name, plan, panel)
    return labels


def _admit_claim(name: str, plan: Plan, claim: PaperClaim) -> None:
    """UserError where a claim is about what the plan does not have."""
    metric_of(claim.metric)
    for method in filter(None, (claim.of, claim.below, claim.over)):
        _admit_method(method, plan)
    if claim.trend is not None and len(_swept(plan)) < 2:
        raise UserError(
            f"The plan {name!r} claims a trend; give it a sweep over two values or more."
        )


def _admit_panel(name: str, plan: Plan, panel: Panel) -> None:
    """The same of a panel."""
    for method in panel.methods or []:
        _admit_method(method, plan)
    known: Sequence[str] = (*plan.sweep, "episode", "tenth", "evaluations")
    if panel.x is not None and panel.x not in known:
        raise unknown(f"x of a panel of the plan {name!r}", panel.x, known)
    if panel.x == "episode" and panel.y not in CURVES:
        raise unknown("curve along episodes", panel.y, CURVES)
    if panel.x == "tenth" and panel.y not in TENTHS:
        raise unknown("metric along the tenths of an episode", panel.y, TENTHS)
    if panel.x == "evaluations" and panel.y != "gap":
        raise UserError(f"The plan {name!r} has {panel.y!r} along evaluations; only gap is known.")
    metric_of(panel.y)
    if not all(isinstance(value, int | float) for value in _swept(plan)):
        raise UserError(f"The plan {name!r} sweeps over what is no number; it cannot be drawn.")


def _admit_method(method: str, plan: Plan) -> None:
    if method not in plan.methods:
        raise unknown("method of a claim or a panel", method, plan.methods)


def _swept(plan: Plan) -> list[Any]:
    return next(iter(plan.sweep.values()), [])
