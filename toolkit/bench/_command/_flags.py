"""The flags of the command and of its verbs. Imports nothing heavy."""

from ._parser import Parser, integer, number, plugin, switch
from ._report_flags import leaderboard_parser as leaderboard_parser
from ._report_flags import report_parser as report_parser

VERBS = {
    "list": "the problems, solvers, learners and presets, one line each",
    "check": "put a problem, a solver or a learner through its conformance tests",
    "verify": "recompute objectives, violations and certificates of stored runs",
    "export": "write instances as JSON and NPZ, and their models as .nl, .lp, .mps or .gms",
    "solve": "run solvers on an instance file",
    "train": "train a learner; its checkpoint is a solver: policy[checkpoint=FILE]",
    "reproduce": "run the plans of a paper's figures; draw them, and judge its claims",
    "dump": "write the runs of a store as CSV, JSON lines or Parquet",
    "merge": "unite stores: of each key one run",
    "suite": "list, freeze or verify suites of instances whose optima are known",
    "report": "a store as a page, tables and figures, or as text; --watch: while a study runs",
    "leaderboard": "a page that ranks the methods of stores, suite by suite",
    "compare": "set the runs of two stores side by side; tell what became worse",
}
FORMATS = ("json", "npz", "nl", "lp", "mps", "gms")
RUN_FORMATS = ("csv", "jsonl", "parquet")
RERUN = ("failed", "timeouts", "all")
EXIT_CODES = """exit codes:
  0    everything ran
  1    compare found a regression
  2    usage: what was asked for does not exist or does not fit together
  3    a run failed: it raised, died, or had to be killed (a refusal is no failure)
  4    a claim was refuted: an objective, a violation, a bound or a certificate is wrong
  130  interrupted: what was done is kept in the store
"""


def run_parser() -> Parser:
    """The parser of the command without a verb."""
    verbs = "\n".join(f"  {name:<10}{text}" for name, text in VERBS.items())
    parser = Parser(
        prog="python -m toolkit.bench",
        description="Generates instances of a problem, solves them, certifies what is claimed, "
        "and prints one table.",
        epilog=f"verbs (python -m toolkit.bench VERB --help):\n{verbs}\n\n{EXIT_CODES}",
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    _add_problem(parser)
    parser.add_argument(
        "--suite", metavar="NAME", help="a frozen suite in place of a problem: cpdrl/small"
    )
    _add_limits(parser)
    parser.add_argument("--plan", metavar="FILE.toml", help="a plan file in place of flags")
    return parser


def solve_parser() -> Parser:
    parser = Parser(prog="python -m toolkit.bench solve", description="Solves an instance file.")
    parser.add_argument("file", metavar="INSTANCE.json", help="what export wrote; .npz too")
    integer(parser, "--seed", "seed of the solvers (0)")
    _add_limits(parser)
    return parser


def export_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench export", description="Writes instances and their models."
    )
    _add_problem(parser)
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the files")
    parser.add_argument(
        "--format", metavar="A,B", default="json", help=f"of {', '.join(FORMATS)} (json)"
    )
    parser.add_argument("--formulation", metavar="NAME", help="which of the problem's models")
    plugin(parser)
    return parser


def train_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench train",
        description="Trains a learner. The same seed and --steps give the same weights, "
        "interrupted or not.",
    )
    _add_generator(parser)
    integer(parser, "--seed", "seed of the instances, weights and noise (0)")
    parser.add_argument(
        "--learner", metavar="NAME[P=V]", help="which learner, with parameters; see the verb list"
    )
    parser.add_argument(
        "--teacher", metavar="SOLVER[P=V]", help="whose decisions a learner copies (exact)"
    )
    parser.add_argument("--seconds", metavar="S", type=number(float), help="limit in seconds")
    integer(parser, "--steps", "limit in the learner's steps")
    parser.add_argument("--out", metavar="FILE", required=True, help="the checkpoint")
    switch(parser, "--resume", "go on where the checkpoint is, if there is one")
    parser.add_argument(
        "--save-every", metavar="S", type=number(float), help="seconds between checkpoints (10)"
    )
    parser.add_argument("--logdir", metavar="DIR", help="curves for TensorBoard")
    plugin(parser)
    switch(parser, "--quiet", "no progress")
    return parser


def reproduce_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench reproduce",
        description="Runs plans with panels and claims, a figure of a paper each, and writes a "
        "page of Markdown with the figures and a verdict on every claim. What is stored is not "
        "run again: the same command goes on where it was interrupted.",
    )
    parser.add_argument("plans", metavar="PLAN.toml", nargs="+", help="such as plans/paper/*.toml")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for README.md, *.svg")
    parser.add_argument("--store", metavar="FILE", help="in place of the plans' own")
    integer(parser, "--instances", "in place of the plans' own: fewer for a first look")
    integer(parser, "--repeats", "likewise")
    integer(parser, "--evaluations", "limit on judged decisions of a run (the plans')")
    integer(parser, "--jobs", "runs at once (the plans')")
    plugin(parser)
    switch(parser, "--quiet", "no progress")
    return parser


def dump_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench dump",
        description="Writes the runs of a store, a row a run; the columns stand in docs/store.md.",
    )
    parser.add_argument("store", metavar="STORE", help="what a run has written")
    parser.add_argument("--out", metavar="FILE", help="the file (standard output)")
    parser.add_argument(
        "--format", choices=RUN_FORMATS, help="in place of that of the file's ending (csv)"
    )
    switch(parser, "--full", "also decisions, certificates, traces and logs")
    parser.set_defaults(plugin=None)
    return parser


def merge_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench merge",
        description="Writes the union of stores. Where two have a run of the same key, the one "
        "that did not fail is kept, then the newer one.",
    )
    parser.add_argument("stores", metavar="STORE", nargs="+", help="what runs have written")
    parser.add_argument("--out", metavar="FILE", required=True, help="the new store")
    parser.add_argument(
        "--conflicts",
        choices=("refuse", "newer"),
        default="refuse",
        help="what to do where runs of one key ended by themselves with different numbers (refuse)",
    )
    parser.set_defaults(plugin=None)
    return parser


def compare_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench compare",
        description="Pairs runs of the same solver on the same instance with the same seed, and "
        "tells what is better or worse in B than in A.",
    )
    what = "a store, a folder of --out, or a runs.jsonl"
    parser.add_argument("before", metavar="A", help=what)
    parser.add_argument("after", metavar="B", help=what)
    parser.add_argument(
        "--fail-on",
        metavar="GATES",
        help="end with 1 where B is worse by more than it may be: gap:+0.1pp, objective, "
        "evaluations:+10%%, status, missing; joined by commas",
    )
    parser.set_defaults(plugin=None)
    return parser


def verify_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench verify",
        description="Recomputes what runs claimed, by code that shares nothing with the solvers.",
    )
    parser.add_argument("file", metavar="FILE", help="a record, a runs.jsonl, or a store")
    parser.add_argument("--arithmetic", choices=("float", "arb"), default="float")
    plugin(parser)
    switch(parser, "--quiet", "print the summary and what is refuted, nothing else")
    return parser


def suite_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench suite",
        description="Frozen suites: instances, and what is known of their optima (docs/suites.md).",
    )
    parser.mixed = True
    parser.add_argument("what", choices=("list", "freeze", "verify"))
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="PROBLEM/SUITE or a FILE.toml (all; not to freeze)"
    )
    parser.add_argument(
        "--store",
        metavar="FILE",
        default="results/suites.sqlite",
        help="freeze: where its runs are kept; --update: whose runs are looked at "
        "(results/suites.sqlite)",
    )
    switch(parser, "--update", "freeze: take what the store has that is better")
    switch(parser, "--anew", "freeze: replace what is frozen")
    parser.add_argument("--arithmetic", choices=("float", "arb"), default="float", help="verify")
    plugin(parser)
    switch(parser, "--quiet", "no progress; verify: what is refuted alone")
    return parser


def check_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench check", description="Conformance tests of one component."
    )
    parser.add_argument("name", metavar="NAME", help="a problem, a solver or a learner")
    parser.add_argument(
        "--problem", metavar="A,B", help="on which problems a solver or a learner is tried (all)"
    )
    plugin(parser)
    return parser


def list_parser() -> Parser:
    parser = Parser(prog="python -m toolkit.bench list", description="What there is.")
    plugin(parser)
    return parser


def _add_problem(parser: Parser) -> None:
    _add_generator(parser)
    integer(parser, "--frames", "frames of an episode: every instance is one (a single frame)")
    integer(parser, "--instances", "how many instances (3)")
    integer(parser, "--seed", "seed of the instances and of the solvers (0)")


def _add_generator(parser: Parser) -> None:
    parser.add_argument("--problem", metavar="NAME", help="which problem; see the verb list")
    integer(parser, "--n-users", "number of users")
    parser.add_argument("--preset", metavar="NAME", help="a named set of generator fields")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a generator field (repeatable)",
    )
    parser.add_argument(
        "--data", metavar="FILE", help="published data, .mat or .npz, in place of the generator's"
    )
    parser.add_argument("--rows", metavar="A:B", help="rows A to B - 1 of the data, from 0 on")
    parser.add_argument(
        "--traces", metavar="DIR", help="users move along the traces of a folder: --set traces=DIR"
    )


def _add_limits(parser: Parser) -> None:
    parser.add_argument(
        "--solvers", metavar="A,B[P=V]", help="which solvers, with parameters (all that apply)"
    )
    parser.add_argument(
        "--seconds", metavar="S", type=number(float), help="time limit of a run (10)"
    )
    integer(parser, "--evaluations", "limit on judged decisions of a run (none)")
    parser.add_argument(
        "--memory", metavar="SIZE", help="memory that a run may hold: 500M, 2G (its share of all)"
    )
    integer(parser, "--repeats", "runs on an instance, with seeds from --seed on (1)")
    integer(parser, "--jobs", "runs at once (1)")
    parser.add_argument(
        "--executor", metavar="NAME", help="where runs take place: local or dask (local)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the Dask cluster (one of --jobs processes on this machine)",
    )
    parser.add_argument("--store", metavar="FILE", help="SQLite store (results/runs.sqlite)")
    parser.add_argument(
        "--rerun",
        choices=RERUN,
        help="which stored runs to run again: what failed (the default), "
        "also what ran out of time, or all",
    )
    parser.add_argument("--report", metavar="DIR", help="write a page: DIR/index.html")
    parser.add_argument("--out", metavar="DIR", help="write one record file a run")
    plugin(parser)
    switch(parser, "--quiet", "no progress")
    switch(parser, "--json", "one JSON object a finished run in place of the table")
