"""Our exact solvers beside those that others wrote: see `python -m benchmarks.peers --help`."""
