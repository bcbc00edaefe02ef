"""Kernels are compiled no more often than needed, their cache is filled by several processes."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from toolkit import compiled

ADD = """
import sys, time
from pathlib import Path
import numpy as np
from toolkit import compiled
from {name}_kernels import add
values = {{"f": 1.5, "i": 1, "a": np.ones(2), "b": np.ones(2, int), "c": 1j}}
for kind in sys.argv[1]:
    assert np.all(add(values[kind]) == values[kind] + values[kind]), kind
print(add._cache.cache_path)
"""
KERNELS = """
from toolkit.compiled import compiled
@compiled
def add(x):
    return x + x
"""


def start(folder: Path, kinds: str) -> subprocess.Popen[str]:
    (folder / "some_kernels.py").write_text(KERNELS)
    code = f"import sys; sys.path.insert(0, {str(folder)!r})" + ADD.format(name="some")
    command = [sys.executable, "-c", code, kinds]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_take_turns_to_write(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(compiled.__file__).parents[1]))
    every = [start(tmp_path, kinds) for kinds in ("f", "i", "a", "b", "c")]
    assert [process.wait(120) for process in every] == [0] * 5
    assert start(tmp_path, "fiabc").wait(120) == 0
    code_files = sorted((tmp_path / "cache").rglob("*.nbc"))
    assert len(code_files) == 5  # one for every signature


def test_who_comes_second_waits_for_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(compiled.__file__).parents[1]))
    first = start(tmp_path, "f")
    assert first.wait(120) == 0
    assert first.stdout is not None
    folder = Path(first.stdout.read().strip())
    with compiled._turn(folder):
        second = start(tmp_path, "i")
        try:
            second.wait(5)
        except subprocess.TimeoutExpired:
            waited = True
        else:
            waited = False
    assert second.wait(120) == 0
    assert waited
    assert len(list(folder.glob("*.nbc"))) == 2


class Pair(NamedTuple):
    one: np.ndarray
    other: tuple[np.ndarray, float]


def total(pair: Pair) -> float:
    return pair.one.sum() + pair.other[0].sum() + pair.other[1]


def test_read_only_arrays_need_no_code_of_their_own(tmp_path, monkeypatch):
    """An instance's data are read-only, what is drawn for a training is not."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    kernel = compiled.compiled(total)
    kept = np.ones(2)
    kept.setflags(write=False)
    for one, other in itertools.product((np.ones(2), kept), repeat=2):
        assert kernel(Pair(one, (other, 3.0))) == 7.0
    assert len(kernel.signatures) == 1
