"""How long the page of a large report takes: to be made, to open, and to filter.

python benchmarks/report_page.py [--runs 10000] [--out DIR]

Runs are made up, on instances of `cpdrl` with 8 users; their decisions are random but real, so that
the page draws them. What is made in Python is told in seconds of processor, what the browser does
by the clock: it needs Chromium and the package playwright.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from toolkit import problems
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem, consistent
from toolkit.reports.contents import contents_of
from toolkit.reports.export import write
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.record import Record

METHODS = 20
FILTER = """(input) => { const began = performance.now(); input.value = "9";
    input.dispatchEvent(new Event("input")); input.getBoundingClientRect();
    return (performance.now() - began) / 1e3; }"""


def made_up(runs: int) -> tuple[list[Record], dict[str, tuple[Problem, Instance]]]:
    """The runs, and the problem and the instance of each digest."""
    problem = problems.registry.build("cpdrl", n_users=8)
    rng = rng_for("report_page")
    drawn, records = {}, []
    for index in range(-(-runs // METHODS)):
        instance = problem.instance(index)
        drawn[instance.digest] = problem, instance
        records += [run(problem, instance, method, rng) for method in range(METHODS)]
    return records[:runs], drawn


def run(problem: Problem, instance: Instance, method: int, rng: np.random.Generator) -> Record:
    """The first method proves the optimum, the others come less near, the last at times fails."""
    best, worse = 1.0, rng.exponential(method / 100)
    raw = problem.space(instance.data).sample(rng)
    decision = consistent(problem, instance.data, raw)
    fails = method == METHODS - 1 and rng.random() < 0.2
    proof = {"verdict": "proved", "bound": best, "gap": 0.0} if method == 0 else {}
    seconds = float(rng.lognormal(method / 4 - 6, 0.7))
    return Record(
        key=f"{instance.digest}-{method}",
        problem=problem.name,
        version=problem.version,
        preset="paper",
        n_users=problem.n_users,
        problem_params=problem.params,
        instance=instance.name,
        digest=instance.digest,
        sense=problem.sense,
        solver=f"method{method}",
        params={},
        label=f"method{method}",
        seed=0,
        status="error" if fails else "optimal" if method == 0 else "feasible",
        stop="crashed" if fails else "finished",
        objective=None if fails else best + worse,
        violation=None if fails else 0.0,
        seconds=seconds,
        evaluations=100,
        limits={"seconds": 60.0},
        environment={"python": "3", "threads": 1, "jobs": 1},
        decision={name: np.asarray(value).tolist() for name, value in decision.items()},
        trace=[[seconds * k / 5, 20 * k, best + worse * (1 + 5 - k), None] for k in range(1, 6)],
        **({"verdict": "feasible"} | proof),
    )


def timed(what: str, work: Callable[[], Any]) -> Any:
    began = time.process_time()
    made = work()
    print(f"{what:28}{time.process_time() - began:8.2f} s of processor")
    return made


def browse(path: Path) -> None:
    """Opens the page, and filters its longest table."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        began = time.perf_counter()
        page.goto(path.as_uri())
        print(f"{'open':28}{time.perf_counter() - began:8.2f} s")
        chart = page.locator("figure .chart").first
        chart.scroll_into_view_if_needed()
        page.locator("[data-drawn]").first.wait_for()
        print(f"{'open, first chart drawn':28}{time.perf_counter() - began:8.2f} s")
        page.locator(".browse").first.scroll_into_view_if_needed()
        began = time.perf_counter()
        search = page.locator(".browse input").first
        search.wait_for()
        print(f"{'instances unpacked':28}{time.perf_counter() - began:8.2f} s")
        print(f"{'filter of instances':28}{search.evaluate(FILTER):8.3f} s")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    records, drawn = made_up(args.runs)
    groups, _ = timed("groups", lambda: make_groups(records, (), drawn.get))
    contents = timed("sections", lambda: contents_of(Report("made up", groups, look_up=drawn.get)))
    folder = args.out or Path(tempfile.mkdtemp())
    path = timed("page", lambda: write(contents, folder, ["html"])[0])
    print(f"{'size':28}{path.stat().st_size / 1e6:8.2f} MB")
    browse(path)


if __name__ == "__main__":
    main()
