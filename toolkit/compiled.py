"""Compilation of kernels by numba, cached so that no change of any kernel can go unnoticed."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

PACKAGE = Path(__file__).parent


def compiled(function: Callable[..., Any]) -> Any:
    """numba's njit for a kernel: no Python objects, IEEE division by zero, cached on disk."""
    return _njit(function)


def inlined(function: Callable[..., Any]) -> Any:
    """`compiled`, and written out wherever another kernel calls it."""
    return _njit(function, inline="always")


def _njit(function: Callable[..., Any], **options: Any) -> Any:
    """Numba looks for changes only in the file of the kernel itself, not in those of the kernels
    that it calls: so the cache's folder is named by all of them together.
    """
    from numba import config, njit

    before = config.CACHE_DIR
    root = Path(before) if before else PACKAGE / "__pycache__"
    config.CACHE_DIR = str(root / f"kernels-{_digest()}")
    try:
        kernel = njit(cache=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_DIR = before
    _one_at_a_time(kernel._cache)
    _one_for_read_only(kernel)
    return kernel


def _one_for_read_only(kernel: Any) -> None:
    """Makes an array that is read-only of the same type as one that is not.

    Else a kernel is compiled for every mixture of an instance's data, which are read-only, and of
    arrays made otherwise. No kernel may write to what its caller reads.
    """
    typed = kernel.typeof_pyval
    kernel.typeof_pyval = lambda value: _writable(typed(value))


def _writable(kind: Any) -> Any:
    """A type of numba's with its arrays writable, those in tuples too."""
    from numba.core import types
    from numba.core.types.containers import BaseTuple

    if isinstance(kind, BaseTuple):
        parts, named = [_writable(part) for part in kind], getattr(kind, "instance_class", None)
        return BaseTuple.from_types(parts, named)
    return kind.copy(readonly=False) if isinstance(kind, types.Array) else kind


def _one_at_a_time(kept: Any) -> None:
    """Makes processes take turns to write: numba numbers a kernel's files by what its index holds,
    so that two at once may give one file to two signatures, and calls then run foreign code.
    """
    write = kept.save_overload

    def save_overload(signature: Any, data: Any) -> None:
        with _turn(Path(kept.cache_path)):
            write(signature, data)

    kept.save_overload = save_overload


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Waits for the folder's lock."""
    lock = _locked(folder)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _locked(folder: Path) -> IO[bytes] | None:
    """The file that is locked; None where the system has no locks, or the folder is read-only."""
    try:
        import fcntl

        file = open(folder / "lock", "ab")  # noqa: SIM115  it is closed by who waited for it
        fcntl.flock(file, fcntl.LOCK_EX)
    except (ImportError, OSError):
        return None
    return file


@cache
def _digest() -> str:
    """Of every file of kernels: those whose name ends in _kernels.py."""
    sha = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*_kernels.py")):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]
