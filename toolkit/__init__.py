"""Mobile-edge-computing offloading problems, solved with a certificate."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["evaluate", "load", "make", "save", "solve", "verify"]

if TYPE_CHECKING:
    from toolkit.bench._face import evaluate as evaluate
    from toolkit.bench._face import load as load
    from toolkit.bench._face import make as make
    from toolkit.bench._face import save as save
    from toolkit.bench._face import solve as solve
    from toolkit.bench._face import verify as verify


def __getattr__(name: str) -> Any:
    """The public functions, imported when first asked for: `import toolkit` itself is instant."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from toolkit.bench import _face

    return getattr(_face, name)
