"""Compilation of kernels by numba, cached so that no change of any kernel can go unnoticed."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

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
        return njit(cache=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_DIR = before


@cache
def _digest() -> str:
    """Of every file of kernels: those whose name ends in _kernels.py."""
    sha = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*_kernels.py")):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]
