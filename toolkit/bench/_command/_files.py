"""A run as files: what `--out` writes and `verify` reads."""

import re
from pathlib import Path
from typing import Any

import msgspec

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.reports.record import Record

LIST = "runs.jsonl"


class Folder:
    """One record file a run, and a list of them with a line a run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, record: Record, row: dict[str, Any], instance: Instance) -> None:
        """Writes the record file and, unless the list has the run already, its line."""
        name = f"{_plain(record.label)}-{_plain(record.instance)}-{record.key}.json"
        content = full(record, row, instance.as_json())
        line = msgspec.json.encode({**row, "file": name}) + b"\n"
        try:
            (self._path / name).write_bytes(msgspec.json.encode(content) + b"\n")
            with (self._path / LIST).open("a+b") as file:
                file.seek(0)
                if line not in file.read().splitlines(keepends=True):
                    file.write(line)
        except OSError as error:
            raise UserError(
                f"Cannot write to --out {str(self._path)!r} ({error.strerror}); free some space "
                "or name another folder."
            ) from None


def full(record: Record, row: dict[str, Any], instance: Any) -> dict[str, Any]:
    """The content of a record file: the row of `--json`, and all that a checker needs.

    `instance` is the content of the instance file; its name moves to `instance_name`.
    """
    large = ("problem_params", "limits", "environment", "decision", "certificate", "trace", "log")
    return {
        **row,
        "instance_name": record.instance,
        "instance": instance,
        **{name: getattr(record, name) for name in large},
    }


def _plain(text: str) -> str:
    """A text that any file system takes as part of a name."""
    return re.sub(r"[^\w.=-]+", "_", text).strip("_")[:80]
