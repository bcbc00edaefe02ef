"""Reward, bound and gap of episodes of several servers, ten users each, as a table.

python benchmarks/dgl_servers.py 3 4 5                    # servers; two episodes of each
"""

import sys
import time

import toolkit
from toolkit import problems

EPISODES = 2


def main(*numbers: int) -> None:
    print(
        "| servers, users | reward | bound | gap | seconds: solve, verify |\n|---|---|---|---|---|"
    )
    for servers in numbers:
        problem = problems.load("dgl", "clean", n_servers=servers, n_users=10 * servers)
        for index in range(-1, EPISODES):  # the first one compiles
            instance = problem.instance(index % EPISODES)
            begun = time.process_time()
            found = toolkit.solve(problem, instance, "exact")
            solved = time.process_time()
            said = toolkit.verify(problem, instance, found)
            spent = f"{solved - begun:.1f}, {time.process_time() - solved:.1f}"
            assert said.verdict in ("proved", "bounded"), said.reason
            if index >= 0:
                ends = f"{found.objective:.3f} | {said.bound:.3f} | {100 * (said.gap or 0):.2f} %"
                print(f"| {servers}, {10 * servers} | {ends} | {spent} |", flush=True)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
