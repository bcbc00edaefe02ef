"""The TOML file of a suite: the recipe that a person wrote, and what `freeze` wrote below it."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from toolkit import problems
from toolkit.errors import UserError
from toolkit.problems import Problem
from toolkit.problems._proof import Arithmetic

MARK = "# Below this line: written by `suite freeze`."


class Draw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Instances 0 to instances - 1 of a generator with these fields, and who is to solve them."""

    instances: int
    preset: str | None = None
    set: dict[str, Any] = {}
    planted: bool = False  # the optimum is chosen first; the certificate needs no solver
    solvers: list[str] | None = None  # in place of the recipe's


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says of an instance; its solution and its certificate are in the NPZ.

    The fields are those of a reference in a store.
    """

    instance: str
    digest: str
    lower: float | None = None
    upper: float | None = None
    kind: Literal["proved", "best known"]
    method: str
    date: str
    audited_by: str
    supersedes: str = ""


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `freeze` has written."""

    sha256: str  # of the NPZ file
    reference: list[Row]


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a suite is made.

    data   `kept`: the instances lie in the NPZ; `drawn`: they are drawn anew each time, and their
           digests compared (they are large, and follow from the seed)
    audit  the arithmetics in which `freeze` re-proves what it keeps
    """

    title: str
    problem: str
    version: int
    seed: int
    solvers: list[str] = msgspec.field(default_factory=lambda: ["exact"])
    seconds: float = 60.0
    data: Literal["kept", "drawn"] = "kept"
    audit: list[Arithmetic] = msgspec.field(default_factory=lambda: ["float", "arb"])
    draw: list[Draw]
    frozen: Frozen | None = None

    def problem_of(self, draw: Draw) -> Problem:
        """The problem whose generator makes a draw."""
        return problems.load(self.problem, draw.preset, **draw.set)


def read(path: Path) -> Recipe:
    """The file's content; UserError where it is no recipe."""
    try:
        recipe = msgspec.convert(tomllib.loads(path.read_text()), Recipe)
    except OSError as error:
        raise UserError(f"Cannot read the suite {str(path)!r}: {error.strerror}.") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise UserError(f"{str(path)!r} is not the recipe of a suite: {error}.") from None
    if not recipe.draw or any(draw.instances < 1 for draw in recipe.draw):
        raise UserError(f"{str(path)!r} draws nothing; give every [[draw]] instances = N.")
    asked = sum(draw.instances for draw in recipe.draw)
    if recipe.frozen is not None and len(recipe.frozen.reference) != asked:
        raise UserError(
            f"{str(path)!r} asks for {asked} instances, and {len(recipe.frozen.reference)} are "
            "frozen; freeze it with --anew."
        )
    return recipe


def written(path: Path, frozen: Frozen) -> str:
    """The file's text with what was frozen below what a person wrote, which stays as it is."""
    own = path.read_text().partition(MARK)[0].rstrip()
    parts = [own, "", MARK, "", "[frozen]", f'sha256 = "{frozen.sha256}"']
    for row in frozen.reference:
        parts += ["", "[[frozen.reference]]"]
        cells = ((name, getattr(row, name)) for name in Row.__struct_fields__)
        parts += [f"{name} = {_toml(value)}" for name, value in cells if value not in (None, "")]
    return "\n".join(parts) + "\n"


def _toml(value: Any) -> str:
    """A text or a number as TOML has it."""
    if isinstance(value, str):
        plain = re.sub(r"[\x00-\x1f\x7f]", " ", value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{plain}"'
    return repr(value)
