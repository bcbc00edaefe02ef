"""How far policies are from the proven optimum on the frozen suites, as Markdown tables.

python benchmarks/policy_suites.py [--policies A,B] [--suites paper,tight] [--json FILE]

Policies are files of the verb train or names of those that come with the package. Beside them stand
`greedy` and the context: the set that the features are built around, without any network.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import suites
import torch
from threadpoolctl import threadpool_limits

from toolkit import learners, solvers
from toolkit.arrays import Data
from toolkit.bench._verbs._training import Labels
from toolkit.learners._shipped import checkpoint_path, shipped
from toolkit.problems import Problem

GUESSES = (1, 8, 32)
OPTIMAL = 1e-9


def reference(problem: Problem, data: Data) -> np.ndarray:
    """The optimum of every instance, proven by `exact` to 1e-9; nan: proven infeasible."""
    decision, feasible = Labels(solvers.registry.build("exact"))(problem, data)
    found = problem.evaluate(data, problem.complete(data, {"offload": decision["offload"]}))
    return np.where(feasible, found.objective, np.nan)


def losses(problem: Problem, data: Data, masks: np.ndarray) -> np.ndarray:
    """Objectives of masks (rows, k, n), inf where infeasible, (rows, k)."""
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, problem.complete(spread, {"offload": masks}))
    return np.where(worth.feasible(), worth.objective, np.inf)


def greedy(problem: Problem, data: Data) -> np.ndarray:
    """The objective of `greedy` on every instance."""
    rows = [{key: value[i] for key, value in data.items()} for i in range(len(data["size"]))]
    found = []
    for row in rows:
        worth = problem.evaluate(row, problem.complete(row, problem.ranking(row)))
        found.append(np.where(worth.feasible(), worth.objective, np.inf).min())
    return np.array(found)


def line(loss: np.ndarray, best: np.ndarray, local: np.ndarray) -> dict[str, float]:
    """Figures of one method: gaps over the feasible instances for which it found a decision.

    `of_local` is sum of (cost - opt) over sum of (all-local - opt), where all-local is feasible.
    """
    able = np.isfinite(best)
    solved = able & np.isfinite(loss)
    gap = loss[solved] / best[solved] - 1
    both = solved & np.isfinite(local)
    return {
        "mean": float(gap.mean()) if solved.any() else None,
        "worst": float(gap.max()) if solved.any() else None,
        "optimal": float((gap <= OPTIMAL).sum() / max(able.sum(), 1)),
        "unsolved": int(able.sum() - solved.sum()),
        "of_local": float((loss - best)[both].sum() / (local - best)[both].sum())
        if both.any()
        else None,
    }


def detectors(masks: np.ndarray, loss: np.ndarray, best: np.ndarray) -> dict[str, float]:
    """Of first guesses (rows, n): degenerate policies, and infeasible ones before best of k."""
    able = np.isfinite(best)
    chosen = masks[able] > 0.5
    return {
        "first_infeasible": int((~np.isfinite(loss[able])).sum()),
        "all_local": float((~chosen).all(-1).mean()) if able.any() else None,
        "all_offload": float(chosen.all(-1).mean()) if able.any() else None,
        "distinct_masks": len(np.unique(chosen, axis=0)),
        "nothing_feasible": int((~able).sum()),
    }


def measure(name: str, n: int, policies: dict[str, tuple]) -> dict[str, object]:
    """All lines of one suite at one size."""
    problem, data = suites.problem_of(name, n), suites.batch(suites.instances(name, n))
    best = reference(problem, data)
    local = losses(problem, data, np.zeros((len(best), 1, n)))[:, 0]
    context = (problem.features(data)[..., 1] > 0).astype(float)
    lines = {
        "all-local": line(local, best, local),
        "greedy": line(greedy(problem, data), best, local),
        "context": line(losses(problem, data, context[:, None])[:, 0], best, local),
    }
    found = {}
    for policy, (learner, net, *_) in policies.items():
        for k in GUESSES:
            masks = learner.act(net, problem, data, k)["offload"]
            loss = losses(problem, data, masks)
            lines[f"{policy} k={k}"] = line(loss.min(-1), best, local)
        found[policy] = detectors(masks[:, 0], loss[:, 0], best)
    feasible = int(np.isfinite(best).sum())
    return {"suite": name, "n": n, "feasible": feasible, "lines": lines, "detectors": found}


def cell(figures: dict[str, float]) -> str:
    """mean / worst / share optimal, and how many have no feasible decision."""
    if figures["mean"] is None:
        return "–"
    missed = f", {figures['unsolved']} unsolved" if figures["unsolved"] else ""
    mean, worst = (
        f"{max(figures[key], 0.0):.0e}".replace("e-0", "e-") for key in ("mean", "worst")
    )
    mean, worst = (
        "0" if max(figures[k], 0) < 1e-12 else t for k, t in (("mean", mean), ("worst", worst))
    )
    return f"{mean} / {worst} / {100 * figures['optimal']:.4g}{missed}"


def table(rows: list[dict]) -> str:
    """A table of one suite: a row for every method, a column for every size."""
    out = [
        "| | " + " | ".join(f"n = {row['n']} ({row['feasible']} feasible)" for row in rows) + " |"
    ]
    out.append("|---" * (len(rows) + 1) + "|")
    for name in rows[0]["lines"]:
        out.append(f"| {name} | " + " | ".join(cell(row["lines"][name]) for row in rows) + " |")
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policies", default=",".join(sorted(shipped())))
    parser.add_argument("--suites", default=",".join(suites.names("cpdrl")))
    parser.add_argument("--json", help="also writes all figures to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    policies = {
        Path(name).stem: learners.load(checkpoint_path(name)) for name in args.policies.split(",")
    }
    every = []
    for name in args.suites.split(","):
        rows = [measure(name, n, policies) for n in suites.sizes(name)]
        every += rows
        print(f"\n**{name}**: mean / worst gap / % optimal\n\n{table(rows)}\n", flush=True)
        for row in rows:
            print(
                name,
                row["n"],
                row["detectors"],
                {k: v["of_local"] for k, v in row["lines"].items()},
            )
    if args.json:
        with open(args.json, "w") as file:
            json.dump(every, file, indent=1)


if __name__ == "__main__":
    main()
