"""A leaderboard: per suite, or per problem and preset, who stands where against what is known."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.errors import UserError
from toolkit.reports import numbers
from toolkit.reports.board._charts import chart_of
from toolkit.reports.board._entries import Entry, Source, entries
from toolkit.reports.board._standing import Standing, scores, standings
from toolkit.reports.board._tables import (
    Place,
    out_table,
    partly_table,
    ranked_table,
    stores_section,
    yardstick,
)
from toolkit.reports.compare import Comparison, Row, compare, contradictions
from toolkit.reports.content import Section, fresh, slug
from toolkit.reports.contents import Chapter, Contents
from toolkit.reports.record import Record, finite

LIMIT = 10.0  # seconds that count where neither a limit nor a longer run tells another number


@dataclass(frozen=True)
class Frozen:
    """A suite: its name, the digests of its instances, and what is known of their optima."""

    name: str
    digests: tuple[str, ...]
    references: tuple[Record, ...] = ()


def contents_of_boards(
    sources: Sequence[Source], suites: Sequence[Frozen], only: bool = False
) -> Contents:
    """A chapter a suite and, but for `only`, one for the other runs of each problem and preset."""
    shown = suites if only else _worth_showing(sources, suites)
    chapters = [_of_suite(sources, suite) for suite in shown]
    if not only:
        chapters += _of_others(sources, suites, {chapter.name for chapter in chapters})
    return Contents("Leaderboard", tuple(chapters), [stores_section(sources)])


def _worth_showing(sources: Sequence[Source], suites: Sequence[Frozen]) -> list[Frozen]:
    """Suites of which every instance has runs; others only for runs that would be lost: suites
    share instances."""
    ran = {record.digest for source in sources for _, record in source.runs}
    whole = {suite.name for suite in suites if ran >= set(suite.digests)}
    told = {digest for suite in suites if suite.name in whole for digest in suite.digests}
    return [s for s in suites if s.name in whole or ran & set(s.digests) - told]


def _of_suite(sources: Sequence[Source], suite: Frozen) -> Chapter:
    inside = frozenset(suite.digests)
    chosen = [_within(source, inside) for source in sources]
    if not any(source.runs for source in chosen):
        raise UserError(
            f"No run of these stores is on the suite {suite.name!r}; run it: --suite {suite.name}."
        )
    return _board(suite.name, chosen, suite.references, suite.digests)


def _within(source: Source, digests: frozenset[str]) -> Source:
    return Source(source.name, tuple(run for run in source.runs if run[1].digest in digests))


def _of_others(
    sources: Sequence[Source], suites: Sequence[Frozen], taken: set[str]
) -> list[Chapter]:
    """The runs on instances of no suite, by problem, preset and version. A preset and a suite may
    have the same name, as a fragment."""
    inside = {digest for suite in suites for digest in suite.digests}
    sets: dict[str, dict[str, list[tuple[str, Record]]]] = defaultdict(lambda: defaultdict(list))
    for source in sources:
        for run in source.runs:
            if run[1].digest not in inside:
                sets[_title(run[1])][source.name].append(run)
    chapters = []
    for title, found in sorted(sets.items()):
        own = [Source(name, tuple(runs)) for name, runs in found.items()]
        chapters.append(_board(title, own, name=fresh(slug(title), taken)))
    return chapters


def _title(record: Record) -> str:
    named = f"{record.problem} {record.preset}" if record.preset else record.problem
    return f"{named} version {record.version}" if record.version > 1 else named


def _board(
    title: str,
    sources: Sequence[Source],
    references: Sequence[Record] = (),
    digests: Sequence[str] = (),
    name: str = "",
) -> Chapter:
    """Of a suite all instances count; of other runs those on which any method ran."""
    every = entries(sources)
    compared = compare([r for entry in every for r in entry.records], references)
    by_digest = {comparison.digest: comparison for comparison in compared}
    places = _places(every, by_digest, [*references])
    needed = list(digests) or [digest for digest, found in by_digest.items() if found.ran]
    full = [p for p in places if len(p.rows) == len(needed) and not p.refuted]
    standing = sorted(
        zip(full, _standings(title, full, by_digest, needed), strict=True),
        key=lambda pair: (pair[1].rank[0], pair[0].entry.label),
    )
    name = name or slug(title)
    partly = [p for p in places if len(p.rows) < len(needed) and not p.refuted]
    out = [p for p in places if p.refuted]
    section = Section(
        name=f"{name}-ranking",
        title="Ranking",
        says=[
            *_says(needed, by_digest, references, standing, len(partly), len(out)),
            *_of_hosts(full),
        ],
        tables=[
            *ranked_table(name, standing, compared),
            *partly_table(name, partly, by_digest, len(needed)),
            *out_table(name, out),
        ],
        charts=chart_of(name, [(p.entry.label, s) for p, s in standing]),
    )
    return Chapter(name, title, [section])


def _places(
    every: Sequence[Entry],
    by_digest: Mapping[str, Comparison],
    references: Sequence[Record],
) -> list[Place]:
    rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for digest, comparison in by_digest.items():
        for row in comparison.ran:
            rows[row.record.label][digest].append(row)
    records = [record for entry in every for record in entry.records]
    beaten = {id(r): best for r, best in contradictions([*records, *references])}
    return [Place(e, rows[e.label], _refuted(e, beaten)) for e in every]


def _refuted(entry: Entry, beaten: Mapping[int, Record]) -> list[tuple[Record, str]]:
    found = []
    for record in entry.records:
        if record.refuted:
            found.append((record, record.reason or "its claim is wrong"))
        elif (best := beaten.get(id(record))) is not None:
            worth = numbers.number(best.objective, 12)
            found.append((record, f"{best.label} has {worth}, better than its bound"))
    return found


def _standings(
    title: str, full: Sequence[Place], by_digest: Mapping[str, Comparison], needed: Sequence[str]
) -> list[Standing]:
    return standings(
        [
            scores([(by_digest[d], place.rows[d]) for d in needed], _limit(place.entry), unit)
            for place, unit in zip(full, _units(full), strict=True)
        ],
        title,
    )


def _units(full: Sequence[Place]) -> list[float]:
    """What their times are counted in: seconds, or on several hosts reference workloads, which all
    have to tell; seconds of different hosts decide nothing."""
    if len({place.entry.hosts for place in full}) < 2:
        return [1.0] * len(full)
    taken = [yardstick(place.entry) for place in full]
    told = [each for each in taken if each is not None]
    return told if len(told) == len(full) else [math.inf] * len(full)


def _of_hosts(full: Sequence[Place]) -> list[str]:
    """How times are compared where they are of several hosts."""
    units = _units(full)
    if not math.isfinite(max(units, default=1.0)):
        return ["The runs are of several hosts and not all tell their workload: time ranks no one."]
    several = len({place.entry.hosts for place in full}) > 1
    return ["The runs are of several hosts: times rank in workloads, not seconds."] * several


def _limit(entry: Entry) -> float:
    """What an unanswered instance counts as: the limit, or the longest run."""
    told = [value for r in entry.ran if (value := r.limits.get("seconds")) is not None]
    return max(told, default=0.0) or max(LIMIT, *(r.seconds for r in entry.ran))


def _says(
    needed: Sequence[str],
    by_digest: Mapping[str, Comparison],
    references: Sequence[Record],
    standing: Sequence[tuple[Place, Standing]],
    partly: int,
    out: int,
) -> list[str]:
    shown = {c.digest for c in by_digest.values() if c.optimal or c.infeasible}
    shown |= {reference.digest for reference in references if reference.verdict == "proved"}
    whose = "of no suite" if not references else "of the suite"
    said = [f"{_instances(len(needed))} {whose}; of {len(shown):,} the optimum is proven."]
    said += [_first(standing)] if standing else ["No method has run on all of them."]
    said += [f"{partly} more ran on a part of them, and are not ranked."] if partly else []
    said += [f"{out} made a claim that is refuted, and are disqualified."] if out else []
    better = sum(_improved(by_digest.get(reference.digest), reference) for reference in references)
    if better:
        said.append(f"Runs have better decisions than the references of {_instances(better)}.")
    return said


def _instances(number: int) -> str:
    return f"{number:,} instance{'s' * (number != 1)}"


def _first(standing: Sequence[tuple[Place, Standing]]) -> str:
    place, best = standing[0]
    if not best.answered:
        return "None of them answered: no feasible decision, and no proof that there is none."
    proved = numbers.share(best.proved)
    return (
        f"First of {len(standing)}: {place.entry.label}, which proves {proved} of the optima, at a "
        f"median gap of {numbers.gap(finite(best.gap[0]))}, in {numbers.duration(best.seconds)} "
        "on average."
    )


def _improved(comparison: Comparison | None, reference: Record) -> bool:
    if comparison is None or comparison.best is None:
        return False
    if reference.objective is None:
        return True
    lead = reference.sign * (reference.objective - comparison.best)
    return lead > 1e-6 * max(1e-12, abs(reference.objective))
