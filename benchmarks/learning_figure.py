"""The figure of `learning_pays.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

FLOOR = 1e-10  # a mean gap below is drawn here: none


def draw(rows: Sequence[Mapping[str, Any]], out: str) -> None:
    """A panel a setting: hollow at batch 1, full at batch 256."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "learning-pays"
    from matplotlib import pyplot

    titles = list(dict.fromkeys(row["setting"] for row in rows))
    fig, axes = pyplot.subplots(2, 3, figsize=(12, 7.5), sharex=True, sharey=True)
    kinds = {
        "exact": ("C0", "o"),
        "best": ("C9", "v"),
        "greedy": ("C1", "s"),
        "context": ("C2", "D"),
    }
    kinds |= {"polish": ("C4", "^"), "policy": ("C3", "*")}
    for axis, title in zip(axes.flat, titles, strict=False):
        mine = [row for row in rows if row["setting"] == title]
        for kind, (color, marker) in kinds.items():
            some = [row for row in mine if row["method"].startswith(kind)]
            for batch, full in (("1", False), ("256", True)):
                x, y = [1 / r[batch] for r in some], [max(r["gap"], FLOOR) for r in some]
                style = {
                    "color": color,
                    "marker": marker,
                    "lw": 0.7,
                    "ms": 10 if marker == "*" else 6,
                }
                face = color if full else "none"
                axis.loglog(x, y, mfc=face, label=kind if full and some else None, **style)
        axis.axhline(FLOOR, color="grey", lw=0.8, ls="--")
        axis.set_title(title, fontsize=10)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    for axis in axes[-1]:
        axis.set_xlabel("instances a second")
    for axis in axes[:, 0]:
        axis.set_ylabel(f"mean gap ({FLOOR:g}: none)")
    fig.suptitle("hollow: one by one; full: 256 at once", fontsize=9)
    fig.tight_layout()
    fig.savefig(out, metadata={"Date": None})
