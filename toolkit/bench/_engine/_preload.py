"""What the process that all cases are forked from does once, as the last of its imports.

Nothing else imports this file: importing it changes the process.
"""

import gc
import warnings

import array_api_compat.numpy as array_api_compat  # a case would import it for itself
import numba

from ._processes import adopt_orphans

__all__ = ["array_api_compat"]

# What a solver leaves behind when its own process dies becomes a child of this one, and is found
# and ended; multiprocessing's server would warn of every such child, which it did not expect.
adopt_orphans()
warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")

# The first compiled function has numba learn all that it knows of types and of the machine: 0.2 s
# of processor that no case needs to spend again.
numba.njit(lambda x: x)(1.0)

# Every case collects garbage before its clock starts: what was imported here is none, and to walk
# through it took most of the processor time of a short case.
gc.collect()
gc.freeze()
