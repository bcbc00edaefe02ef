"""The flags of the verbs that show what stores hold. Imports nothing heavy."""

from ._parser import Parser, integer, plugin, switch

FORMATS = ("html", "csv", "latex", "parquet", "svg", "pdf", "png")
WIDTHS = ("column", "text")


def report_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench report",
        description="Shows what a store holds: as text, or with --out as a page, tables and "
        "figures (docs/reports.md).",
    )
    parser.add_argument("store", metavar="STORE", help="what a run has written")
    parser.add_argument("--out", metavar="DIR", help="folder for index.html, tables/, figures/")
    _files(parser)
    parser.add_argument("--problem", metavar="NAME", help="of this problem alone (all)")
    parser.add_argument(
        "--plan",
        metavar="PLAN.toml",
        nargs="+",
        default=[],
        help="adds the claims and figures of papers that these plans ask of the runs",
    )
    switch(parser, "--watch", "serve the page on this machine, anew whenever runs have come")
    integer(parser, "--port", "where --watch serves it; 0: wherever there is room (8707)")
    plugin(parser)
    return parser


def leaderboard_parser() -> Parser:
    parser = Parser(
        prog="python -m toolkit.bench leaderboard",
        description="Ranks the methods of one store or several: suite by suite, and runs outside "
        "suites by problem and preset (docs/reports.md).",
    )
    parser.mixed = True
    parser.add_argument("stores", metavar="STORE", nargs="+", help="what runs have written")
    parser.add_argument("--out", metavar="DIR", help="folder for index.html, tables/, figures/")
    _files(parser)
    parser.add_argument(
        "--suite",
        metavar="NAME",
        action="append",
        help="of this suite alone (repeatable; all that runs are on, and what is in none)",
    )
    plugin(parser)
    return parser


def _files(parser: Parser) -> None:
    parser.add_argument(
        "--format", metavar="A,B", help=f"of {', '.join(FORMATS)}, with --out (html)"
    )
    parser.add_argument(
        "--width",
        choices=WIDTHS,
        default="column",
        help="of figures: a column's, 3.5 in, or the text's, 7.16 in (column)",
    )
