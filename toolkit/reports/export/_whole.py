"""Files that are there whole, or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from toolkit.errors import UserError


def write_whole(path: Path, content: bytes) -> Path:
    """Writes a file beside its place and moves it there; what was there stays until then."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(content)
        os.replace(scratch, path)
    except OSError as error:
        raise UserError(
            f"Cannot write {str(path)!r} ({error.strerror or error}); free some space or name "
            "another folder."
        ) from None
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
    return path
