"""The command line: flags, verbs, and errors of one sentence. Imports nothing heavy."""

import argparse
import difflib
from collections.abc import Callable
from typing import Any, NoReturn

from toolkit.errors import UserError

VERBS = {
    "list": "the problems, solvers, learners and presets, one line each",
    "check": "put a problem, a solver or a learner through its conformance tests",
    "verify": "recompute objectives, violations and certificates of stored runs",
    "export": "write instances as JSON and NPZ, and their models as .nl, .lp, .mps or .gms",
    "solve": "run solvers on an instance file",
    "train": "train a learner; its checkpoint is a solver: policy[checkpoint=FILE]",
    "reproduce": "run the plans of a paper's figures; draw them, and judge its claims",
}
FORMATS = ("json", "npz", "nl", "lp", "mps", "gms")
EXIT_CODES = """exit codes:
  0    everything ran
  2    usage: what was asked for does not exist or does not fit together
  3    a run failed: it raised, died, or had to be killed (a refusal is no failure)
  4    a claim was refuted: an objective, a violation, a bound or a certificate is wrong
  130  interrupted: what was done is kept in the store
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one sentence."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options
        )

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ")
        raise UserError(f"{text[:1].upper()}{text[1:]}; see {self.prog} --help.")

    def parse(self, argv: list[str]) -> argparse.Namespace:
        """The flags; UserError with a suggestion where one does not exist."""
        args, unknown = self.parse_known_args(argv)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1)
            hint = f"did you mean {near[0]}?" if near else f"see {self.prog} --help."
            raise UserError(f"Cannot understand {unknown[0]!r}; {hint}")
        return args


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
    _add_limits(parser)
    parser.add_argument("--plan", metavar="FILE.toml", help="a plan file in place of flags")
    return parser


def solve_parser() -> Parser:
    parser = Parser(prog="python -m toolkit.bench solve", description="Solves an instance file.")
    parser.add_argument("file", metavar="INSTANCE.json", help="what export wrote; .npz too")
    _integer(parser, "--seed", "seed of the solvers (0)")
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
    _plugin(parser)
    return parser


def train_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench train",
        description="Trains a learner. The same seed and --steps give the same weights, "
        "interrupted or not.",
    )
    _add_generator(parser)
    _integer(parser, "--seed", "seed of the instances, weights and noise (0)")
    parser.add_argument(
        "--learner", metavar="NAME[P=V]", help="which learner, with parameters; see the verb list"
    )
    parser.add_argument(
        "--teacher", metavar="SOLVER[P=V]", help="whose decisions a learner copies (exact)"
    )
    parser.add_argument("--seconds", metavar="S", type=_number(float), help="limit in seconds")
    _integer(parser, "--steps", "limit in the learner's steps")
    parser.add_argument("--out", metavar="FILE", required=True, help="the checkpoint")
    _switch(parser, "--resume", "go on where the checkpoint is, if there is one")
    parser.add_argument(
        "--save-every", metavar="S", type=_number(float), help="seconds between checkpoints (10)"
    )
    parser.add_argument("--logdir", metavar="DIR", help="curves for TensorBoard")
    _plugin(parser)
    _switch(parser, "--quiet", "no progress")
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
    _integer(parser, "--instances", "in place of the plans' own: fewer for a first look")
    _integer(parser, "--repeats", "likewise")
    _integer(parser, "--evaluations", "limit on judged decisions of a run (the plans')")
    _integer(parser, "--jobs", "runs at once (the plans')")
    _plugin(parser)
    _switch(parser, "--quiet", "no progress")
    return parser


def verify_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench verify",
        description="Recomputes what runs claimed, by code that shares nothing with the solvers.",
    )
    parser.add_argument("file", metavar="FILE", help="a record, a runs.jsonl, or a store")
    parser.add_argument("--arithmetic", choices=("float", "arb"), default="float")
    _plugin(parser)
    _switch(parser, "--quiet", "print the summary and what is refuted, nothing else")
    return parser


def check_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench check", description="Conformance tests of one component."
    )
    parser.add_argument("name", metavar="NAME", help="a problem, a solver or a learner")
    _plugin(parser)
    return parser


def list_parser() -> Parser:
    parser = Parser(prog="python -m toolkit.bench list", description="What there is.")
    _plugin(parser)
    return parser


def _add_problem(parser: Parser) -> None:
    _add_generator(parser)
    _integer(parser, "--frames", "frames of an episode: every instance is one (a single frame)")
    _integer(parser, "--instances", "how many instances (3)")
    _integer(parser, "--seed", "seed of the instances and of the solvers (0)")


def _add_generator(parser: Parser) -> None:
    parser.add_argument("--problem", metavar="NAME", help="which problem; see the verb list")
    _integer(parser, "--n-users", "number of users")
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
        "--seconds", metavar="S", type=_number(float), help="time limit of a run (10)"
    )
    _integer(parser, "--evaluations", "limit on judged decisions of a run (none)")
    _integer(parser, "--repeats", "runs on an instance, with seeds from --seed on (1)")
    _integer(parser, "--jobs", "runs at once (1)")
    parser.add_argument("--store", metavar="FILE", help="SQLite store (results/runs.sqlite)")
    parser.add_argument("--report", metavar="DIR", help="write a page: DIR/index.html")
    parser.add_argument("--out", metavar="DIR", help="write one record file a run")
    _plugin(parser)
    _switch(parser, "--quiet", "no progress")
    _switch(parser, "--json", "one JSON object a finished run in place of the table")


def _plugin(parser: Parser) -> None:
    parser.add_argument(
        "--plugin", metavar="FILE.py", action="append", help="brings problems, solvers or learners"
    )


def _switch(parser: Parser, flag: str, text: str) -> None:
    parser.add_argument(flag, action="store_const", const=True, help=text)


def _integer(parser: Parser, flag: str, text: str) -> None:
    parser.add_argument(flag, metavar="N", type=_number(int), help=text)


def _number(kind: type) -> Callable[[str], Any]:
    """A converter whose complaint says what is wanted."""

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"takes {what}, not {text!r}") from None

    return convert
