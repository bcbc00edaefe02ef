"""What learners of bits share: what they see, networks side by side, and judged candidates."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import TOLERANCE, HasCompletion, HasFeatures, Problem, Space

from . import _bit_kernels
from ._train import Training

INFEASIBLE = 1e30  # merits from here on: no feasible decision, by violation
SAMPLES, ENTRIES = 512, 1 << 18  # instances behind the standardisation, and numbers at most
WIDE = 20.0
SPREAD = 8.0  # of standardised inputs: narrow ones let all networks begin, and end, as constants
CLIP = 10 * SPREAD
CHUNK = 1024  # frames drawn at once


def bits_of(problem: Problem, data: Data) -> Space | None:
    """The discrete part of the decisions, if it is all binary and there is any."""
    found = problem.space(data).discrete
    binary = bool(found) and all(var.kind == "binary" for var in found)
    return Space(found) if binary else None


def why_not(problem: Problem) -> str | None:
    """Why bits cannot be learnt on the problem, or None."""
    if not isinstance(problem, HasCompletion):
        return "the problem has no completion of discrete choices"
    if bits_of(problem, problem.instance().data) is None:
        return "it decides bits, and the discrete part is not binary"
    return None


def completed(problem: Problem, data: Data, bits: np.ndarray) -> Decision:
    """Whole decisions of several vectors of bits of each of a batch, (rows, k, n)."""
    space = bits_of(problem, data)
    assert isinstance(problem, HasCompletion)
    assert space is not None
    return problem.complete(_spread(data), space.unflatten(bits))


def judged(
    problem: Problem, data: Data, bits: np.ndarray
) -> tuple[Decision, np.ndarray, np.ndarray]:
    """(whole decision, objective, merit) of each candidate, (rows, k, …); least merit: best.

    A merit is the loss where the candidate is feasible, else INFEASIBLE and more by violation.
    """
    whole = completed(problem, data, bits)
    worth = problem.evaluate(_spread(data), whole)
    objective, violation = np.asarray(worth.objective), np.asarray(worth.violation)
    off = np.nan_to_num(violation, nan=1e20, posinf=1e20)
    loss = problem.sign * objective
    fits = (violation <= TOLERANCE) & np.isfinite(loss)
    return whole, objective, np.where(fits, loss, INFEASIBLE * (1.0 + np.minimum(off, 1e20)))


def _spread(data: Data) -> dict[str, np.ndarray]:
    """The data of rows beside which candidates have an axis of their own."""
    return {key: value[:, None] for key, value in data.items()}


class Stream:
    """Frames in the order in which a learner meets them, `count` a step.

    Rows of the run's `frames`, from the first again after the last; else the generator's.
    """

    def __init__(self, run: Training, count: int) -> None:
        self._run, self._count = run, count
        self._chunk, self._drawn = -1, {}  # type: tuple[int, Data]

    def take(self, step: int) -> tuple[Data, np.ndarray | None]:
        """(data, the optimum where the run knows it) of the frames of a step, (count, ...)."""
        run = self._run
        if run.frames is None:
            return self._generated(step), None
        total = len(next(iter(run.frames.values())))
        rows = np.arange(step * self._count, (step + 1) * self._count) % total
        best = None if run.optima is None else run.optima[rows]
        return {key: value[rows] for key, value in run.frames.items()}, best

    def _generated(self, step: int) -> Data:
        steps = max(1, CHUNK // self._count)
        chunk, place = divmod(step, steps)
        if chunk != self._chunk:
            rng = self._run.rng("frames", chunk)
            self._drawn = self._run.problem.sample(rng, (steps * self._count,))
            self._chunk = chunk
        rows = slice(place * self._count, (place + 1) * self._count)
        return {key: value[rows] for key, value in self._drawn.items()}


class Inputs(nn.Module):
    """What a network sees of instances, a flat row each.

    `spec` is "" (features where the problem has them, else data), "features" or "data", both
    standardised by what the problem's generator draws; or "FIELD:SCALE:SHIFT", the numbers of a
    field times a scale plus a shift, as papers have it.
    """

    centre: Tensor
    scale: Tensor
    log: Tensor

    def __init__(self, problem: Problem, spec: str) -> None:
        super().__init__()
        self.spec = spec or ("features" if isinstance(problem, HasFeatures) else "data")
        self.plain = ":" in self.spec
        size = max(1, flat(problem, problem.sample(rng_for("size"), (1,)), self.spec).size)
        count = min(SAMPLES, max(16, ENTRIES // size))
        sample = flat(problem, problem.sample(rng_for("inputs", problem.name), (count,)), self.spec)
        self.width = sample.shape[-1]
        log, centre, scale = _standard(sample)
        if self.plain:
            _, factor, shift = parts_of(self.spec)
            log, scale = np.zeros(self.width, bool), np.full(self.width, factor)
            centre = np.full(self.width, -shift / factor)
        for name, value in (("log", log), ("centre", centre), ("scale", scale)):
            self.register_buffer(name, torch.from_numpy(value))

    def see(self, problem: Problem, data: Data) -> np.ndarray:
        """(rows, width), float32."""
        seen = flat(problem, data, self.spec)
        log = self.log.numpy()
        if log.any():
            seen[:, log] = np.log(np.maximum(seen[:, log], 1e-300))
        seen -= self.centre.numpy()
        seen *= self.scale.numpy()
        if not self.plain:
            np.minimum(np.maximum(seen, -CLIP, out=seen), CLIP, out=seen)
        return seen.astype(np.float32)


def flat(problem: Problem, data: Data, spec: str) -> np.ndarray:
    """The numbers that a spec of `Inputs` names, a row an instance, float64."""
    if spec == "features":
        assert isinstance(problem, HasFeatures)
        blocks = [problem.features(data)]
    elif spec == "data":
        blocks = [data[key] for key in sorted(data)]
    else:
        blocks = [data[parts_of(spec)[0]]]
    rows = len(blocks[0])
    return np.concatenate([np.reshape(b, (rows, -1)) for b in blocks], axis=1).astype(float)


def parts_of(spec: str) -> tuple[str, float, float]:
    """(field, scale, shift) of "FIELD:SCALE:SHIFT"; ValueError where it cannot be read."""
    try:
        name, scale, shift = spec.split(":")
        factor, offset = float(scale), float(shift)
    except ValueError:
        factor, offset = math.nan, math.nan
    if not (math.isfinite(offset) and math.isfinite(factor) and factor):
        raise ValueError(f"inputs is {spec!r}; write features, data or FIELD:SCALE:SHIFT.")
    return name, factor, offset


def _standard(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(where to take logs, centre, SPREAD / deviation) of every column; 0 where it is constant."""
    low, high = sample.min(0), sample.max(0)
    log = (low > 0) & (high > WIDE * np.maximum(low, 1e-300))
    values = np.where(log, np.log(np.maximum(sample, 1e-300)), sample)
    centre, spread = values.mean(0), values.std(0)
    fixed = spread <= 1e-9 * np.maximum(np.abs(centre), 1e-300)
    return log, centre, np.where(fixed, 0.0, SPREAD / np.where(fixed, 1.0, spread))


class Nets(nn.Module):
    """Networks of the same layers side by side, rectified but for the last.

    `deviation` and `bias`: normal weights and constant biases; else PyTorch's own initial values.
    """

    def __init__(
        self,
        count: int,
        widths: Sequence[int],
        deviation: float | None = None,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in pairwise(widths):
            weight, offset = torch.empty(count, fan_in, fan_out), torch.empty(count, 1, fan_out)
            if deviation is None:
                reach = 1.0 / math.sqrt(fan_in)
                nn.init.uniform_(weight, -reach, reach)
                nn.init.uniform_(offset, -reach, reach)
            else:
                nn.init.normal_(weight, 0.0, deviation)
                nn.init.constant_(offset, bias)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(offset))

    def views(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """(weights, biases) as the kernels take them: the memory of the networks, no copies."""
        return _views(self)

    def logits(self, seen: np.ndarray) -> np.ndarray:
        """(rows, inputs) float32, the same for all networks, to (nets, rows, n) float32."""
        found: np.ndarray = _bit_kernels.logits(seen, *self.views())
        return found


@lru_cache(maxsize=8)
def _views(nets: Nets) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    weights, biases = (
        tuple(part.detach().numpy() for part in parts) for parts in (nets.weights, nets.biases)
    )
    return weights, biases
