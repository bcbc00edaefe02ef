"""A reference: what is known of the optimum of an instance, by whom, and since when."""

from typing import Any, Literal, get_args

import msgspec

from ._cells import as_text, canonical, digest_of, parsed

Kind = Literal["proved", "best known"]
TABLES = {"solution", "certificate"}


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """lower <= optimum <= upper, in units of the objective, whichever way it is optimised.

    digest       the instance's
    kind         `proved`: certificates show both ends; `best known`: they may be improved
    method       method@version: exact@0.1.0
    solution     {block: nested lists}, worth `upper` where the objective is minimised, else `lower`
    certificate  `Certificate.as_json()` of the other end, or None
    date         YYYY-MM-DD
    audited_by   who has checked it since, and with what; empty: nobody
    supersedes   the `id` of the reference in whose place it stands; empty: the first one
    """

    digest: str
    lower: float | None
    upper: float | None
    kind: Kind
    method: str
    solution: dict[str, Any] = {}
    certificate: dict[str, Any] | None = None
    date: str
    audited_by: str = ""
    supersedes: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is {self.kind!r}; it must be 'proved' or 'best known'.")
        if self.lower is not None and self.upper is not None and not self.lower <= self.upper:
            raise ValueError(f"lower is {self.lower!r}, above upper, {self.upper!r}.")

    @property
    def id(self) -> str:
        """A hash of all of it: equal references are one."""
        return digest_of(canonical(msgspec.to_builtins(self)))


NAMES = tuple(field.name for field in msgspec.structs.fields(Reference))


def to_cells(reference: Reference) -> list[Any]:
    """Its cells in the order of NAMES."""
    values = ((name, getattr(reference, name)) for name in NAMES)
    return [as_text(value) if name in TABLES else value for name, value in values]


def from_cells(cells: tuple[Any, ...]) -> Reference:
    """The reference of such cells; msgspec.DecodeError where they are damaged."""
    pairs = zip(NAMES, cells, strict=True)
    return msgspec.convert({n: parsed(v) if n in TABLES else v for n, v in pairs}, Reference)
