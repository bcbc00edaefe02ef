"""Fits the truncated Lévy walk to traces, and compares every generator with traces unseen.

python benchmarks/mobility.py fit DIR                 # the constants of mobility/_fitted.py
python benchmarks/mobility.py tune DIR                # its last line, once the others stand
python benchmarks/mobility.py compare DIR --figure docs/figures/mobility.svg
"""

import argparse
import itertools
import sys

import numpy as np
from scipy.optimize import minimize

from toolkit.instances.mobility import LevyWalk, Replay, Traces, read_traces, walks
from toolkit.instances.mobility._compare import MEASURES, compared, measured
from toolkit.instances.mobility._region import HIGH, LOW, clipped

SPOTS = 20
ROWS = 200  # of a trace, evenly spaced, for the spots: every trace counts alike
NARROWEST = 15.0  # metres: the least spread of a spot
STRAIGHT = np.pi / 6  # a flight goes on while the direction turns by less


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fit", "tune", "compare"))
    parser.add_argument("traces")
    parser.add_argument("--figure")
    args = parser.parse_args()
    traces = read_traces(args.traces)
    print(traces.summary, file=sys.stderr)
    if args.what == "fit":
        fit(traces.part("train"))
    elif args.what == "tune":
        tune(traces.part("train"))
    else:
        compare(args.traces, args.figure)


def fit(traces: Traces) -> None:
    """Prints the constants, by maximum likelihood on clipped traces."""
    paths = [clipped(path) for path in traces.paths]
    lengths, rows, pauses = (np.concatenate(part) for part in zip(*map(events, paths), strict=True))
    print(f"# {len(lengths)} flights, {len(pauses)} pauses of {len(paths)} traces")
    most = float(np.hypot(*(HIGH - LOW)))
    alpha, soft = _least(lambda p: -_lomax(lengths, *np.exp(p), most), (1.0, 30.0))
    scale, power = _least(lambda p: -_geometric(lengths, rows, *np.exp(p)), (60.0, 0.8))
    low, high = 8.0, float(pauses.max() + 1)
    (beta,) = _least(lambda p: -_pareto(pauses[pauses >= low] + 0.5, *np.exp(p), low, high), (0.5,))
    still = [np.mean(np.hypot(*np.diff(path, axis=0).T) == 0) for path in paths]
    rows_of = [path[np.linspace(0, len(path) - 1, ROWS).astype(int)] for path in paths]
    print(f"FLIGHT = (-{alpha:.3f}, {soft:.1f}, {most:.0f})  # exponent, soft end, longest: m")
    print(f"ROWS = ({scale:.1f}, {power:.3f})  # rows - 1 of a flight: mean (length / m)^exponent")
    print(f"PAUSE = (-{beta:.3f}, {low:.0f}, {high:.0f})  # exponent, shortest, longest: rows")
    print(f"STILL = {np.mean(still):.3f}  # share of rows without any movement")
    print("SPOTS = (  # x, y, spread: m; share of rows")
    for x, y, spread, share in spots(np.concatenate(rows_of)):
        print(f"    ({x:.0f}, {y:.0f}, {spread:.0f}, {share:.4f}),")
    print(")")


def tune(traces: Traces) -> None:
    """Prints the walk's two lengths, by displacements of training traces; the rest must stand."""
    real = measured(Replay(traces), seed=0)
    worst = {}
    for trip, roam in itertools.product((100, 150, 200, 300), (6, 8, 10, 12, 15)):
        made = measured(LevyWalk(trip=trip, roam=roam), seed=1)
        worst[trip, roam] = max(compared(real, made)[name] for name in ("moved_5", "moved_45"))
    trip, roam = min(worst, key=lambda pair: worst[pair])
    print(f"# distance of displacements {worst[trip, roam]:.3f}")
    print(f"TRIP, ROAM = {trip:.1f}, {roam:.1f}  # m")


def events(path: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths and rows of the flights of a trace, and rows of its pauses that end within it."""
    step = np.diff(path, axis=0)
    moves = np.hypot(*step.T) > 0
    angle = np.arctan2(step[:, 1], step[:, 0])
    turn = np.abs((np.diff(angle) + np.pi) % (2 * np.pi) - np.pi) > STRAIGHT
    new = np.flatnonzero((moves[1:] != moves[:-1]) | (moves[1:] & turn)) + 1
    ends = np.concatenate([[0], new, [len(moves)]])
    flying, rows = moves[ends[:-1]], np.diff(ends)
    lengths = np.hypot(*(path[ends[1:]] - path[ends[:-1]]).T)
    inner = np.zeros(len(rows), bool)
    inner[1:-1] = True
    return lengths[flying], rows[flying], rows[~flying & inner]


def spots(points: np.ndarray) -> np.ndarray:
    """A mixture of round Gaussians by EM, (SPOTS, 4): x, y, spread, share; the largest first."""
    rng = np.random.default_rng(0)
    best, found = -np.inf, np.zeros((SPOTS, 4))
    for _ in range(5):
        value, mixture = _mixture(points, points[rng.integers(len(points), size=SPOTS)])
        if value > best:
            best, found = value, mixture
    print(f"# mixture: log-likelihood {best:.4f} a row")
    return found[np.argsort(-found[:, 3])]


def _mixture(points: np.ndarray, centre: np.ndarray) -> tuple[float, np.ndarray]:
    spread, share = np.full(SPOTS, 150.0), np.full(SPOTS, 1 / SPOTS)
    value = -np.inf
    for _ in range(150):
        square = ((points[:, None] - centre) ** 2).sum(-1)
        log = np.log(share / (2 * np.pi * spread**2)) - square / (2 * spread**2)
        total = np.logaddexp.reduce(log, axis=1)
        value, part = float(total.mean()), np.exp(log - total[:, None])
        mass = part.sum(0) + 1e-9
        centre = part.T @ points / mass[:, None]
        square = ((points[:, None] - centre) ** 2).sum(-1)
        spread = np.maximum(np.sqrt((part * square).sum(0) / mass / 2), NARROWEST)
        share = mass / mass.sum()
    return value, np.column_stack([centre, spread, share])


def _least(loss, start):
    """The positive parameters of least loss."""
    return np.exp(minimize(loss, np.log(start), method="Nelder-Mead").x)


def _lomax(x, alpha, soft, most):
    """Mean log-density of (x + soft)^-(1 + alpha) on [0, most]."""
    mass = (soft**-alpha - (soft + most) ** -alpha) / alpha
    return float(np.mean(-(1 + alpha) * np.log(x + soft)) - np.log(mass))


def _pareto(x, beta, low, high):
    mass = (low**-beta - high**-beta) / beta
    return float(np.mean(-(1 + beta) * np.log(x)) - np.log(mass))


def _geometric(lengths, rows, scale, power):
    """Mean log-probability of rows - 1, geometric with mean (length / scale)^power."""
    mean = (lengths / scale) ** power
    return float(np.mean((rows - 1) * np.log(mean / (1 + mean)) - np.log1p(mean)))


def compare(folder: str, figure: str | None) -> None:
    """Prints two-sample distances between unseen traces and every model; draws them."""
    real = measured(walks(traces=folder, part="test"), seed=0)
    models = {
        "training traces": walks(traces=folder, part="train"),
        "levy": walks("levy"),
        "levy without homes": LevyWalk(trip=0.0),
        "waypoint": walks("waypoint"),
        "gauss_markov": walks("gauss_markov"),
    }
    drawn = {name: measured(model, seed=1) for name, model in models.items()}
    print("| distance to unseen traces | " + " | ".join(models) + " |")
    print("|---" * (len(models) + 1) + "|")
    for measure in MEASURES:
        row = [f"{compared(real, found)[measure]:.3f}" for found in drawn.values()]
        print(f"| {MEASURES[measure]} | " + " | ".join(row) + " |")
    if figure is not None:
        draw({"unseen traces": real, **drawn}, figure)


def draw(found: dict[str, dict[str, np.ndarray]], figure: str) -> None:
    """The distributions, one panel a measure, into an SVG file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "mobility"
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    for axis, (measure, text) in zip(axes.flat, MEASURES.items(), strict=True):
        for name, values in found.items():
            ordered = np.quantile(values[measure], np.linspace(0, 1, 201))
            style = {"color": "black", "linewidth": 2} if name == "unseen traces" else {}
            axis.plot(ordered, np.linspace(0, 1, 201), label=name, **style)
        scale = "symlog" if measure in ("speed", "moved_5", "moved_45") else "linear"
        axis.set(xlabel=text, ylabel="share of samples at most", xscale=scale, ylim=(0, 1))
    axes.flat[0].legend(fontsize=8)
    plt.savefig(figure, metadata={"Date": None})


if __name__ == "__main__":
    main()
