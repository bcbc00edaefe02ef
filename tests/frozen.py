"""benchmarks/suites.py, which is no part of the package, for the tests that look into it."""

import importlib.util
from pathlib import Path
from types import ModuleType


def _suites() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "suites.py"
    spec = importlib.util.spec_from_file_location("suites", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


suites = _suites()
