"""Plug-in files for the tests of the command: a small problem, and solvers that (mis)behave."""

from pathlib import Path

HEAD = """
import ctypes, os, signal, sys, time
from dataclasses import dataclass, replace
from typing import ClassVar
import numpy as np
from toolkit.errors import UserError
from toolkit.problems import Certificate, Evaluation, Field, Problem, Space, Var
from toolkit.solvers import Claim, Solver


def best(problem, instance):
    return {"on": np.ones(problem.n_users)}
"""

TOY = """
@dataclass(frozen=True, kw_only=True)
class Toy(Problem):
    \"\"\"Switch users on: a user that is off costs twice its weight.\"\"\"

    title = "Switches"
    paper = "none"
    sense = "min"
    version = 1
    presets = {"tiny": {"n_users": 2}, "paper": {"n_users": 5}}
    fields = {"weight": Field("weight", "1", ("users",))}
    n_users: int = 5
    heaviest: float = 2.0

    def sample(self, rng, batch=()):
        return {"weight": rng.uniform(1.0, self.heaviest, (*batch, self.n_users))}

    def space(self, data):
        return Space((Var("on", (data["weight"].shape[-1],), "binary"),))

    def judge(self, data, decision):
        cost = (data["weight"] * (2.0 - decision["on"])).sum(-1)
        return Evaluation(cost, {"none": 0.0 * cost})
"""

SOLVER = """
@dataclass(frozen=True, kw_only=True)
class Plugged(Solver):
    \"\"\"{doc}\"\"\"

    {extra}
    wait: float = 0.0

    def solve(self, problem, instance, probe):
        {body}
        return Claim()
"""

# What a solver does once it has offered a decision. Warm-up runs on the preset "tiny" (2 users).
BODIES = {
    "good": "probe.offer(best(problem, instance))",
    "half": 'probe.offer({"on": np.r_[0.0, np.ones(problem.n_users - 1)]})',
    "slow": "time.sleep(self.wait * (problem.n_users > 2)); probe.offer(best(problem, instance))",
    # the first run ends; others begin, and go on until a file says that they may end
    "held": "here = os.path.dirname(__file__)\n"
    "        if problem.n_users > 2:\n"
    "            with open(here + '/begun', 'a') as file: file.write('.')\n"
    "            while os.path.getsize(here + '/begun') > 1 and not os.path.exists(here + '/go'):\n"
    "                time.sleep(0.02)\n"
    "        probe.offer(best(problem, instance))",
    "claims": "probe.offer(best(problem, instance)); "
    'probe.bound(0.5 * probe.loss, Certificate("claim", {"by": "me"}))',
    "hangs": "probe.offer(best(problem, instance)); time.sleep(1e6 * (problem.n_users > 2))",
    "hangs_at_once": "time.sleep(1e6)",
    "exits": "sys.stderr.flush(); os._exit(7) if problem.n_users > 2 else 0",
    "segfaults": "os.kill(os.getpid(), signal.SIGSEGV) if problem.n_users > 2 else 0",
    "raises": "print('last words'); probe.offer(best(problem, instance)); 1 / 0",
    "lies": "probe.offer(best(problem, instance)); "
    'probe.bound(2 * probe.loss, Certificate("enumeration", {"count": 1}))',
    "noisy": "print('to stdout'); os.write(1, b'to fd 1'); probe.offer(best(problem, instance))",
    "forks": "child = os.fork() if problem.n_users > 2 else -1; "
    "time.sleep(1e6 * (child == 0)); os.write(1, b'child %d.' % child); "
    "probe.offer(best(problem, instance)); time.sleep(self.wait * (child > 0))",
    # Faults; each offers a decision first. C code that holds the interpreter's lock:
    "stuck": "probe.offer(best(problem, instance)); "
    "ctypes.PyDLL(None).sleep(10**6 * (problem.n_users > 2))",
    "wild": "probe.offer(best(problem, instance)); "
    "ctypes.string_at(0) if problem.n_users > 2 else 0",
    "shot": "probe.offer(best(problem, instance)); "
    "os.kill(os.getpid(), signal.SIGKILL) if problem.n_users > 2 else 0",
    "hoards": "probe.offer(best(problem, instance)); hold = []\n"
    "        while problem.n_users > 2: hold.append(np.ones(2**18)); time.sleep(3e-3)",
    "brood": "probe.offer(best(problem, instance)); hold = []\n"
    "        for _ in range(4 * (problem.n_users > 2)):\n"
    "            if os.fork() == 0: hold.append(np.ones(2**24)); time.sleep(1e6)\n"
    "        time.sleep(1e6 * (problem.n_users > 2))",
    "wants": "probe.offer(best(problem, instance)); np.ones(2**37) if problem.n_users > 2 else 0",
    "prattles": "probe.offer(best(problem, instance)); line = b'x' * 2**20\n"
    "        for _ in range(2**10 * (problem.n_users > 2)): os.write(1, line)\n"
    "        os.write(1, b'last words')",
    "cheats": "probe.offer(best(problem, instance)); "
    "probe._best = replace(probe._best, objective=0.0, rank=(0.0, 0.0))",
    "bounds": "probe.offer(best(problem, instance)); "
    'probe.bound(0.5 * probe.loss, Certificate("claim", {"by": "me"})); '
    "time.sleep(1e6 * (problem.n_users > 2))",
    # a grandchild in a session of its own, whose parent is gone; then this process goes, too
    "scatters": "probe.offer(best(problem, instance))\n"
    "        if problem.n_users > 2 and os.fork() == 0:\n"
    "            os.setsid()\n"
    "            if os.fork() == 0: os.write(1, b'child %d.' % os.getpid()); time.sleep(1e6)\n"
    "            os._exit(0)\n"
    "        time.sleep(0.3); os._exit(7) if self.wait and problem.n_users > 2 else 0",
    # What it was given must stay as it is: a decision would look a million times better.
    "converts": "instance.data['weight'] = instance.data['weight'] / 1e6; "
    "probe.offer(best(problem, instance))",
    "scales": "w = instance.data['weight']; w.setflags(write=True); "
    "w /= 1e6 if problem.n_users > 2 else 1; probe.offer(best(problem, instance))",
    "patches": "old = type(problem).judge; type(problem).judge = lambda self, data, decision: "
    "old(self, {'weight': data['weight'] / 1e6}, decision) if problem.n_users > 2 "
    "else old(self, data, decision); probe.offer(best(problem, instance))",
    # Both processes come back from here.
    "doubles": "probe.offer(best(problem, instance)); os.fork() if problem.n_users > 2 else 0",
    # It writes into every pipe that it has.
    "spams": "probe.offer(best(problem, instance))\n"
    "        for fd in range(3, 64 * (problem.n_users > 2)):\n"
    "            try: os.write(fd, b'\\0\\0\\0\\x04spam')\n"
    "            except OSError: pass",
    # It begins a message of 4 KiB, and no more comes.
    "stalls": "probe.offer(best(problem, instance))\n"
    "        for fd in range(3, 64 * (problem.n_users > 2)):\n"
    "            try: os.write(fd, b'\\0\\0\\x10\\0')\n"
    "            except OSError: pass\n"
    "        time.sleep(30.0 * (problem.n_users > 2))",
    "orphans": "probe.offer(best(problem, instance)); "
    "os.kill(os.getppid(), signal.SIGKILL) if problem.n_users > 2 else 0; time.sleep(self.wait)",
    "halts": "probe.offer(best(problem, instance)); "
    "(os.kill(os.getppid(), signal.SIGSTOP), os._exit(7)) if problem.n_users > 2 else 0",
    # Honest ones.
    "caches": "object.__setattr__(problem, '_fast', lambda x: x); "
    "type(problem)._kernel = staticmethod(lambda x: x); probe.offer(best(problem, instance))",
    "copies": "import copy, pickle; data = copy.deepcopy(instance.data); data['weight'] /= 1e6; "
    "pickle.loads(pickle.dumps([problem, instance, instance.data, self])); "
    "probe.offer(best(problem, instance))",
    "speaks": "probe.offer(best(problem, instance)); "
    "return Claim(message=np.str_('done'), details={'word': np.str_('x'), 'n': np.int64(3)})",
    "hires": "import subprocess, multiprocessing as mp\n"
    "        child = subprocess.Popen(['sleep', '60']); child.terminate(); child.wait(5)\n"
    "        lock = mp.get_context('spawn').Lock(); print('locks', lock._semlock.name)\n"
    "        with mp.get_context('fork').Pool(2) as pool: pool.map(abs, [1, 2])\n"
    "        probe.offer(best(problem, instance))",
    "burns": "import multiprocessing as mp; probe.offer(best(problem, instance))\n"
    "        pool = mp.get_context('fork').Pool(1)\n"
    "        job = pool.map_async(sum, [range(10**8)] * (problem.n_users > 2)); job.wait(20)",
    "employs": "import multiprocessing as mp; pool = mp.get_context('fork').Pool(2)\n"
    "        weights = instance.data['weight'].tolist()\n"
    "        on = np.array(pool.map(abs, weights)) > 0; pool.terminate()\n"
    "        probe.offer({'on': 1.0 * on})",
    "wipes": "import shutil, tempfile; probe.offer(best(problem, instance)); "
    "shutil.rmtree(os.path.dirname(tempfile.gettempdir())) if problem.n_users > 2 else 0",
    "litters": "import tempfile; print('in', tempfile.mkdtemp()); "
    "probe.offer(best(problem, instance)); os._exit(7) if problem.n_users > 2 else 0",
    "asides": "probe.offer(best(problem, instance))",
    "toils": "probe.offer(best(problem, instance))\n"
    "        while problem.n_users > 2: probe.offer(best(problem, instance))",
    "absent": "probe.offer(best(problem, instance))",
    # What a record cannot hold; each offers a decision first.
    "mute": "probe.offer(best(problem, instance)); raise type('Mute', (Exception,), "
    "{'__str__': lambda self: 1 / 0})()",
    "halves": "probe.offer(best(problem, instance)); raise ValueError(chr(0xD800) + ' half')",
    "keyed": "probe.offer(best(problem, instance)); return Claim(details={(3, 4): 5})",
    "numbered": "probe.offer(best(problem, instance)); return Claim(details={1: 2})",
    "opaque": "probe.offer(best(problem, instance)); return Claim(details={'f': lambda: 1})",
    "wordy": "probe.offer(best(problem, instance)); return Claim(message=['a'])",
    "bananas": "probe.offer(best(problem, instance)); return Claim(stop='banana')",
    "gives_up": "probe.offer(best(problem, instance)); return Claim(stop='refused')",
    "nothing": "probe.offer(best(problem, instance)); return None",
    "half_done": "probe.offer(best(problem, instance)); time.sleep(0.21); probe.progress('half')",
    "forges": "probe.offer(best(problem, instance)); time.sleep(0.21); point = probe._point(0.0); "
    "probe._listener(replace(point, done='half'))",
    "pretends": "probe.offer(best(problem, instance))\n"
    "        if problem.n_users > 2: probe._listener.out.send(('broke', None)); time.sleep(60)",
    "bluffs": "probe.offer(best(problem, instance))\n"
    "        if problem.n_users > 2: probe._listener.out.send(('answer', {})); time.sleep(60)",
    "raves": "probe.offer(best(problem, instance)); raise ValueError('x ' * 10**7)",
    "counts": "probe.offer(best(problem, instance)); probe.count(10**30)",
    "uncounts": "probe.offer(best(problem, instance)); probe.count(-10**6)",
    "fancies": "probe.offer(best(problem, instance)); "
    'probe.bound(0.5, Certificate("claim", {"by": lambda: 1}))',
    "overwrites": "probe.offer(best(problem, instance)); probe.evaluations = 10**30",
    "lingers": "probe.offer(best(problem, instance))",
    "asks": "raise UserError('Two users at most; take fewer.') if problem.n_users > 2 else None",
}
EXTRA = {
    "asides": "def aside(self, problem): return 1 / 0",
    "absent": 'requires: ClassVar[tuple[str, ...]] = ("nonexistent_pkg",)',
    # what happens once it is solved: the check of a certificate takes as long
    "lingers": "def aside(self, problem): time.sleep(1e6)",
}


def write_plugins(folder: Path, *names: str) -> list[str]:
    """Writes toy.py and one file a solver; returns the flags that load them."""
    flags = []
    for name in ("toy", *names):
        body = (
            TOY
            if name == "toy"
            else SOLVER.format(
                doc=f"Test solver {name}.", extra=EXTRA.get(name, ""), body=BODIES[name]
            )
        )
        path = folder / f"{name}.py"
        path.write_text(HEAD + body)
        flags += ["--plugin", str(path)]
    return flags
