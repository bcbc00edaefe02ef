"""The precision at which the proofs in ball arithmetic compute."""

from collections.abc import Iterator
from contextlib import contextmanager

from flint import ctx

BITS = 128  # products of two data (53 bits each) are exact, so comparisons of them are decided


@contextmanager
def precision() -> Iterator[None]:
    """BITS inside; the caller's precision is put back."""
    before, ctx.prec = ctx.prec, BITS
    try:
        yield
    finally:
        ctx.prec = before
