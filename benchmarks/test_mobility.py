"""How fast positions are drawn: 256 episodes of 100 rows with 10 users."""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from toolkit.instances.mobility import walks


@pytest.mark.parametrize("model", ["levy", "waypoint", "gauss_markov"])
def test_positions(benchmark: BenchmarkFixture, model: str) -> None:
    rng = np.random.default_rng(0)
    path = benchmark(lambda: walks(model).positions(rng, 10, 100, (256,)))
    assert path.shape == (256, 100, 10, 2)
