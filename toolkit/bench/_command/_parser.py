"""A parser of flags whose complaints are one sentence that says what to do."""

import argparse
import difflib
from collections.abc import Callable
from typing import Any, NoReturn

from toolkit.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one sentence."""

    mixed = False  # flags may stand between the words of a list

    def __init__(self, **options: Any) -> None:
        super().__init__(
            allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options
        )

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ")
        raise UserError(f"{text[:1].upper()}{text[1:]}; see {self.prog} --help.")

    def parse(self, argv: list[str]) -> argparse.Namespace:
        """The flags; UserError with a suggestion where one does not exist."""
        known = self.parse_known_intermixed_args if self.mixed else self.parse_known_args
        args, unknown = known(argv)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1)
            hint = f"did you mean {near[0]}?" if near else f"see {self.prog} --help."
            raise UserError(f"Cannot understand {unknown[0]!r}; {hint}")
        return args


def switch(parser: Parser, flag: str, text: str) -> None:
    parser.add_argument(flag, action="store_const", const=True, help=text)


def integer(parser: Parser, flag: str, text: str) -> None:
    parser.add_argument(flag, metavar="N", type=number(int), help=text)


def plugin(parser: Parser) -> None:
    parser.add_argument(
        "--plugin", metavar="FILE.py", action="append", help="brings problems, solvers or learners"
    )


def number(kind: type) -> Callable[[str], Any]:
    """A converter whose complaint says what is wanted."""

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"takes {what}, not {text!r}") from None

    return convert
