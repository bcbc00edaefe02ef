"""The policies that come with the package."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.errors import UserError

FOLDER = Path(__file__).parent / "pretrained"


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """Name -> how it was trained, with what, and the SHA-256 of its file NAME.zip."""
    index: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text())
    return index


def checkpoint_path(name: str) -> Path:
    """The file of that name, else the shipped policy; UserError where there is neither."""
    path = Path(name)
    if path.is_file():
        return path
    if name in shipped():
        return FOLDER / f"{name}.zip"
    known = ", ".join(sorted(shipped()))
    raise UserError(
        f"There is no checkpoint {name!r}; name a file that the verb train wrote, or a policy "
        f"that comes with the toolkit ({known})."
    )
