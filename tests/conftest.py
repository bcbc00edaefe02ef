"""One thread a process, set before anything that counts cores is imported: test processes share the
machine's cores, and what several threads sum up differs in the last place from run to run."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
