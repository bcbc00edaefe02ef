"""Commands in hostile surroundings: streams, descriptors, folders that are not as usual."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plugins import write_plugins

from toolkit.bench._store import Reader


def shell(
    folder: Path, rest: str, *names: str, before: str = "", instances: int = 2, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A run of plugged-in solvers on the toy problem, by a shell that has `rest` behind it."""
    flags = " ".join(write_plugins(folder, *names))
    command = (
        f"{before}{sys.executable} -m toolkit.bench --problem toy --instances {instances} "
        f"--solvers {','.join(names)} --store s.sqlite {flags} {rest}"
    )
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        env={**os.environ, **environment},
    )


def stored(folder: Path) -> int:
    with Reader(folder / "s.sqlite") as store:
        return len(list(store))


@pytest.mark.parametrize("stream", [">&-", "> /dev/full", "--json > /dev/full", "--json >&-"])
def test_an_output_that_takes_nothing_costs_no_run(tmp_path: Path, stream: str) -> None:
    done = shell(tmp_path, stream, "good", "half")
    assert stored(tmp_path) == 4
    assert "Traceback" not in done.stderr
    if "full" in stream:
        assert done.returncode == 2
        assert "Standard output cannot be written (No space left on device)" in done.stderr
    else:
        assert done.returncode == 0


@pytest.mark.parametrize("stream", ["2>&-", "2> /dev/full", "0<&- 2>&-"])
def test_remarks_that_nobody_can_read_are_no_failure(tmp_path: Path, stream: str) -> None:
    done = shell(tmp_path, f"--json {stream}", "good", "raises")
    assert done.returncode == 3
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["stop"] for row in rows if row["solver"] == "good"] == ["finished", "finished"]
    assert stored(tmp_path) == 4


def test_what_a_terminal_cannot_show_is_replaced(tmp_path: Path) -> None:
    done = shell(tmp_path, "", "good", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "5 users ? minimise" in done.stdout


def test_jobs_that_the_session_has_no_files_for_are_refused_in_words(tmp_path: Path) -> None:
    done = shell(tmp_path, "--jobs 48", "good", before="ulimit -n 256; ", instances=4)
    assert done.returncode == 2
    assert "48 runs at once need 448 open files, this session may have 256" in done.stderr
    done = shell(tmp_path, "--jobs 48", "good", before="ulimit -Sn 256; ", instances=4)
    assert done.returncode == 0


def test_a_long_path_of_temporary_files_is_taken(tmp_path: Path) -> None:
    long = tmp_path / ("a" * 60) / ("b" * 60)
    long.mkdir(parents=True)
    done = shell(tmp_path, "", "litters", instances=1, TMPDIR=str(long))
    assert done.returncode == 3
    assert "SIG" not in done.stderr
    assert stored(tmp_path) == 1
    assert list(long.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_a_driver_that_is_ended_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    """No process, no folder; and the same command goes on."""
    flags = write_plugins(tmp_path, "hangs", "good")
    places = tmp_path / "places"
    places.mkdir()
    command = [sys.executable, "-m", "toolkit.bench", "--problem", "toy", "--instances", "1"]
    command += ["--solvers", "good,hangs", "--store", "s.sqlite", "--seconds", "30", *flags]
    driver = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(places)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert driver.stderr is not None
    assert "good feasible" in driver.stderr.readline()
    time.sleep(0.5)
    driver.send_signal(number)
    assert driver.wait(30) == (130 if number == signal.SIGHUP else -number)
    driver.stderr.close()
    for _ in range(100):
        if not list(places.iterdir()):
            break
        time.sleep(0.1)
    assert list(places.iterdir()) == []
    assert stored(tmp_path) == 1
