"""Folders of this process and its runs; they go with it, or with its guard where it is killed."""

import atexit
import functools
import multiprocessing as mp
import os
import shutil
import tempfile

LONGEST = 60  # characters of a path to which multiprocessing adds about 30; 107 are allowed
PREFIX = "mec-bench-"


@functools.cache
def places() -> tuple[str, str]:
    """Where the folders of runs are, and where Python has its sockets: out of the runs' way."""
    own = tempfile.mkdtemp(prefix=PREFIX)
    short = len(own) <= LONGEST  # no system takes a socket whose path is long
    sockets = tempfile.mkdtemp(prefix=PREFIX, dir=None if short else "/tmp")
    mp.current_process()._config.setdefault("tempdir", sockets)  # type: ignore[attr-defined]
    atexit.register(remove, (own, sockets))
    return own, sockets


def new_folder() -> str:
    """One for the temporary files of a run."""
    own, _ = places()
    os.makedirs(own, exist_ok=True)  # a run, or who clears up, may have removed it
    return tempfile.mkdtemp(dir=own)


def remove(folders: tuple[str, ...]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
