"""What stores hold may be anything: a report of it is made all the same."""

import pytest
from page_samples import RECORD, run

from toolkit.reports._sound import sound
from toolkit.reports.contents import contents_of
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.record import finite

HUGE = 10**400  # JSON has such numbers


def test_a_sound_record_is_left_as_it_is() -> None:
    assert sound(RECORD) is RECORD


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("environment", {"threads": [1]}, {"threads": "[1]"}),
        ("environment", {"jobs": "9" * 5000}, {"jobs": "9" * 200}),
        ("environment", {"memory": "8 GB", "cores": HUGE}, {"memory": None, "cores": None}),
        ("about", {"instance": 1, "terms": "x"}, {}),
        ("about", {"terms": {"delay": 1, "energy": "J"}}, {"terms": {"energy": "J"}}),
        ("limits", {"seconds": -1.0, "evaluations": 5}, {"seconds": None, "evaluations": 5}),
        ("trace", [[], [1.0], [0.1, 1, 12.0, None]], [[0.1, 1, 12.0, None]]),
    ],
)
def test_what_is_of_a_wrong_kind_is_left_out(field: str, given: object, kept: object) -> None:
    record = run("a", **{field: given})
    assert getattr(sound(record), field) == kept
    contents = contents_of(Report("odd", make_groups([record, run("b")])[0]))
    assert any(table.name == "toy-paper-methods" for table in contents.tables)


def test_a_number_that_no_float_holds_is_none() -> None:
    assert finite(HUGE) is None


def test_names_that_differ_in_what_slugs_leave_out_stay_apart() -> None:
    """Chapters, tables and charts are files and fragments by name."""
    long = "n" * 300
    presets = ("a b", "a-b", "A_B", long, long + "!")
    runs = [run("a", i, preset=preset) for i, preset in enumerate(presets)]
    contents = contents_of(Report("alike", make_groups(runs)[0]))
    for named in (contents.chapters, list(contents.tables), list(contents.charts)):
        names = [each.name for each in named]
        assert len(names) >= len(presets)
        assert len(set(names)) == len(names)
        assert max(map(len, names)) < 200  # of 255 that a file's name may have
