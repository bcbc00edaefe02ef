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
        """Writes the record file and its line in the list, in place of one of the same run."""
        name = f"{_plain(record.label)}-{_plain(record.instance)}-{record.key}.json"
        content = full(record, row, instance.as_json())
        line = msgspec.json.encode({**row, "file": name}) + b"\n"
        try:
            (self._path / name).write_bytes(msgspec.json.encode(content) + b"\n")
            self._enlist(line, b'"key":%s' % msgspec.json.encode(record.key))
        except OSError as error:
            raise UserError(
                f"Cannot write to --out {str(self._path)!r} ({error.strerror}); free some space "
                "or name another folder."
            ) from None

    def _enlist(self, line: bytes, key: bytes) -> None:
        """A run that was run or refused again has one line: the newer one."""
        path = self._path / LIST
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        others = [each for each in lines if key not in each]
        if len(others) == len(lines):
            with path.open("ab") as file:
                file.write(line)
        elif line not in lines:
            scratch = path.with_name(f"{LIST}.part")
            scratch.write_bytes(b"".join([*others, line]))
            scratch.replace(path)


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
