"""What is seen while it runs: one live line on a terminal, plain lines elsewhere."""

import contextlib
import shutil
import sys
from collections.abc import Sequence

from toolkit.reports import numbers
from toolkit.reports.record import Record


class Progress:
    """Writes to standard error, so that standard output is the table or the JSON lines alone."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._total, self._done, self._failed, self._quiet = total, 0, 0, quiet
        self._live = not quiet and sys.stderr.isatty()

    def finished(self, record: Record, cached: bool) -> None:
        """Counts a run; says so where no terminal shows it, or where it failed."""
        self._done += 1
        self._failed += record.failed
        if self._quiet or (self._live and not record.failed):
            return
        self._clear()
        note = " (stored before)" if cached else ""
        self._write(f"[{self._done}/{self._total}] {describe(record)}{note}\n")

    def tick(self, running: Sequence[str]) -> None:
        """Redraws the live line: what runs now."""
        if not self._live or not running:
            return
        failed = f", {self._failed} failed" if self._failed else ""
        text = f"[{self._done}/{self._total}{failed}] running {', '.join(running)}"
        width = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{text[:width]}")

    def close(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._live:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody looks any more
            sys.stderr.write(text)
            sys.stderr.flush()


def describe(record: Record) -> str:
    """A finished run in one line."""
    parts = [record.instance, record.label, record.status]
    if record.objective is not None:
        parts.append(numbers.number(record.objective))
    if record.gap is not None:
        gap = numbers.gap(record.gap)
        parts.append(f"gap {gap}" if record.proven else f"gap ({gap})")
    if record.failed or record.refused:
        return " ".join([*parts, "-", record.message])
    return " ".join([*parts, numbers.duration(record.seconds)])
