"""What is told of one run: its terms, what proves its bound, how it ended, what it took."""

from collections.abc import Mapping
from typing import Any

from toolkit.reports import numbers
from toolkit.reports.frame import limit
from toolkit.reports.record import Record

Facts = list[list[str]]  # [name, text] each
LINES, LETTERS = 15, 1500  # of the end of a log


def facts(record: Record, unit: Mapping[str, str]) -> Facts:
    """Those that there are, the most important first."""
    terms = [[name, _amount(value, unit.get(name, ""))] for name, value in record.terms.items()]
    told = [
        ["objective", numbers.number(record.objective, 12)],
        *terms,
        ["worst violation", numbers.violation(record.violation)],
        ["verdict", _verdict(record)],
        ["certificate", certificate(record)],
        ["claim", record.claim],
        ["stop", " by ".join(filter(None, (record.stop, record.signal)))],
        ["limits", limit(record.limits)],
        ["time", _time(record)],
        ["memory", _memory(record.peak_memory)],
        ["message", record.message],
        ["note", _text(record.details.get("note"))],
        ["log", _tail(record)],
        ["key", record.key],
    ]
    return [[name, text] for name, text in told if text not in ("", "-")]


def certificate(record: Record) -> str:
    """What supports the bound, in words, how large it is, and who has checked it."""
    found = record.certificate
    if not found:
        return ""
    body = _body(found)
    if found.get("kind") == "claim":
        return body
    if record.proven:
        return f"{body}; the checker has re-proved it, with code that no solver uses"
    return f"{body}; not re-proved"


def _body(found: Mapping[str, Any]) -> str:
    kind = found.get("kind")
    if kind == "tree":
        nodes = _list(found.get("nodes"))
        leaves = sum(isinstance(node, dict) and "leaf" in node for node in nodes)
        return (
            f"a tree of {_many(len(nodes), 'node')} that covers all decisions, with a bound for "
            f"{_many(leaves, 'leaf', 'leaves')}"
        )
    if kind == "enumeration":
        number = found.get("count")
        told = f"{number:,}" if isinstance(number, int) else "all"
        return f"enumeration: {told} discrete choices, every one bounded"
    if kind == "frames":
        frames = _list(found.get("frames"))
        own = sum(frame is not None for frame in frames)
        return f"one for each frame: {own:,} of {len(frames):,} frames have theirs"
    if kind == "claim":
        return f"none: the word of {_text(found.get('by')) or 'the solver'}, which nothing checks"
    return f"of the kind {kind!r}"


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _verdict(record: Record) -> str:
    return ": ".join(filter(None, (record.said, record.reason)))


def _amount(value: float | None, unit: str) -> str:
    text = numbers.number(value, 6)
    return f"{text} {unit}".strip() if value is not None else text


def _time(record: Record) -> str:
    """12.3 s, 12.9 s with starting, 12.1 s of processor; 5,000 evaluations."""
    if record.refused:
        return ""
    told = [numbers.duration(record.seconds), f"{numbers.duration(record.wall)} with starting"]
    if record.cpu_seconds is not None:
        told.append(f"{numbers.duration(record.cpu_seconds)} of processor")
    return f"{', '.join(told)}; {_many(record.evaluations, 'evaluation')}"


def _memory(peak: int | None) -> str:
    return "" if peak is None else f"{peak / 2**20:,.0f} MiB at most"


def _tail(record: Record) -> str:
    """The end of the log of a run that failed."""
    if not (record.failed or record.refuted):
        return ""
    return "\n".join(record.log.strip().splitlines()[-LINES:])[-LETTERS:]
