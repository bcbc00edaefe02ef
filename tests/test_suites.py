"""Frozen suites with best known values: these hold, and are re-proved."""

import pytest
from frozen import suites

from toolkit.bench.verify import Verdict

NAMES = [name for problem in ("ddlo", "droo", "e2ehco") for name in suites.names(problem)]
SIZES = [(name, n) for name in NAMES for n in suites.sizes(name)]


def test_there_are_suites_from_small_to_large() -> None:
    for problem in ("ddlo", "droo"):
        kinds = {name.split("-")[1] for name in suites.names(problem)}
        assert kinds >= {"paper", "small", "medium", "large"}
    own = {"e2ehco-clean", "e2ehco-letter", "e2ehco-hard", "e2ehco-dense"}
    assert set(suites.names("e2ehco")) == own
    assert suites.names("cpdrl")[0] == "paper"


@pytest.mark.parametrize(("name", "n"), SIZES)
def test_best_known_values_are_found_and_proven_again(name: str, n: int) -> None:
    """No proof of today lies beyond a value of the file, and no value beyond a bound of it."""
    sign, gap = suites.problem_of(name, n).sign, suites.of(name)["gap"]
    frozen, now = suites.known(name, n), suites.solved(name, n)
    assert len(frozen) == len(now) == suites.of(name)["count"]
    for (best, bound), (found, proven) in zip(frozen, now, strict=True):
        slack = 1e-12 * abs(best)
        assert sign * proven <= sign * best + slack
        assert sign * bound <= sign * found + slack
        assert found == pytest.approx(best, rel=gap)


@pytest.mark.parametrize(("verdict", "gap"), [("bounded", 1e-8), ("refuted", None)])
def test_a_value_that_is_not_proven_is_refused(
    monkeypatch: pytest.MonkeyPatch, verdict: str, gap: float | None
) -> None:
    said = Verdict(verdict, "for a reason", 1.0, gap)
    monkeypatch.setattr(suites, "verify", lambda *known: said)
    with pytest.raises(ValueError, match="for a reason"):
        suites.solved("ddlo-small", 2)
