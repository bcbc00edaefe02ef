"""DROO frame by frame: what a frame costs beside the published code's way.

`pytest benchmarks/test_frames.py --benchmark-enable`; figures stand in `extra_info`.
"""

import time

import numpy as np
import pytest
import torch
from published_droo import Published, rate

from toolkit import learners, problems
from toolkit.instances import rng_for
from toolkit.learners import Training, fit


def settled(frames):
    """The last fifth of the frames, where K hardly changes any more."""
    return 4 * frames // 5


def published_way(data, frames):
    """(ms a frame of all, of the last fifth, mean K of all, of the last fifth), process time."""
    published, times, tries = Published(10, data["weight"][0]), [time.process_time()], []
    for gain in data["gain"]:
        published.frame(gain)
        times.append(time.process_time())
        tries.append(published.k)
    return figures(np.array(times), np.array(tries), frames)


def our_way(learner, problem, data, frames):
    """The same of a learner's run over the same frames."""
    times, tries, each = [time.process_time()], [], learner.settings.frames

    def note(first, decision, judged):
        times.append(time.process_time())
        tries.append(judged / each)

    fit(learner, Training(problem=problem, frames=data, max_steps=frames // each, decided=note))
    return figures(np.array(times), np.array(tries), frames)


def figures(times, tries, frames):
    """Of the clock at the start and after each step, and of the candidates of a frame."""
    late = settled(len(tries))
    per = frames / len(tries)
    return {
        "ms": 1e3 * (times[-1] - times[0]) / frames,
        "settled_ms": 1e3 * (times[-1] - times[late]) / (len(tries) - late) / per,
        "k": float(tries.mean()),
        "settled_k": float(tries[late:].mean()),
    }


WAYS = {
    "ours": {},
    "ours, one frame a step": {"frames": 1, "every": 10},
    "ours, paper": {"preset": "paper"},
}


def test_a_frame_beside_the_published_way(benchmark):
    """Whole frames: features, network, K modes completed and judged, memory, training, against
    the authors' way, over the same 10,000 frames, in this process's CPU time."""
    frames = 10_000 if benchmark.enabled else 40
    torch.set_num_threads(1)
    problem = problems.load("droo", "paper")
    data = problem.sample(rng_for("cost of frames"), (frames,))
    for name, given in WAYS.items():
        learner = learners.registry.build("droo", **given)
        fit(learner, Training(problem=problem, max_steps=11))  # compiles
        benchmark.extra_info[name] = our_way(learner, problem, data, frames)
    rows = {key: value[:2] for key, value in data.items()}
    benchmark.extra_info["published"] = benchmark.pedantic(published_way, (data, frames), rounds=1)
    theirs = Published(10, data["weight"][0])
    modes = problem.space({key: value[0] for key, value in rows.items()}).choices(0, 1024)
    for gain in rows["gain"]:
        found = theirs.frame(gain)
        row = {**{key: value[0] for key, value in rows.items()}, "gain": gain}
        best = problem.evaluate(row, problem.complete(row, modes)).objective.max()
        assert 0.5 * best < found <= best * (1 + 1e-6)


@pytest.mark.parametrize("preset", ["paper", "tuned"])
@pytest.mark.parametrize("name", ["ddlo", "droo"])
def test_a_frame(benchmark, name, preset):
    """`ms` a frame of 4,000, all included, in this process's CPU time."""
    frames = 4000 if benchmark.enabled else 40
    problem, learner = problems.load(name, "paper"), learners.registry.build(name, preset=preset)
    data = problem.sample(rng_for("cost of frames"), (frames,))
    fit(learner, Training(problem=problem, max_steps=600 if benchmark.enabled else 11))  # compiles
    run = learner, problem, data, frames
    benchmark.extra_info.update(benchmark.pedantic(our_way, run, rounds=1))
    most = 10 if name == "droo" else 3 if preset == "paper" else 24
    assert 1 <= benchmark.extra_info["k"] <= most


def test_a_mode_beside_the_published_bisection(benchmark):
    """`complete` at a batch of 1,024 modes, random ones of as many frames, beside the bisection."""
    problem, count = problems.load("droo", "paper"), 1024 if benchmark.enabled else 16
    rng = rng_for("cost of modes")
    data = problem.sample(rng, (count,))
    modes = rng.integers(0, 2, (count, 10)).astype(float)
    whole = problem.complete(data, {"offload": modes})
    few = slice(0, 200)
    begun = time.process_time()
    rows = zip(data["gain"][few], modes[few], data["weight"][few], strict=True)
    theirs = [rate(*row) for row in rows]
    bisection = 1e3 * (time.process_time() - begun) / len(theirs)
    assert np.array(theirs) == pytest.approx(problem.evaluate(data, whole).objective[few], rel=1e-6)
    begun = time.process_time()
    rounds = 50 if benchmark.enabled else 1
    for _ in range(rounds):
        problem.complete(data, {"offload": modes})
    ours = 1e3 * (time.process_time() - begun) / rounds / count
    benchmark.extra_info.update(mode_ms=ours, bisection_ms=bisection, times=bisection / ours)
    benchmark.pedantic(problem.complete, (data, {"offload": modes}), rounds=20)
