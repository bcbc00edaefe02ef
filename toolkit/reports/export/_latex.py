"""Tables as LaTeX: booktabs, a file to be read by \\input, its notes below it.

The text is ASCII and Latin letters, so that pdfLaTeX takes it whatever methods are called.
"""

import re
import unicodedata
from collections.abc import Sequence

from toolkit.reports._aligned import halves
from toolkit.reports.content import Cell, Column, Table

LONGEST = 40  # rows on one page; longer tables go on over pages
APART = "\x00"  # between characters that LaTeX would draw together: -- and ''
LETTERS = "ßæøœłÆØŒŁ"  # that need no package, beside letters with accents
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    APART: "{}",
    "`": r"\textasciigrave{}",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "−": "$-$",
    "±": r"$\pm$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "≠": r"$\ne$",
    "∞": r"$\infty$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "²": r"$^2$",
    "³": r"$^3$",
    "ⁿ": r"$^n$",
    "µ": r"$\mu$",
    "°": r"$^\circ$",
    "§": r"\S{}",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\u00a0": "~",
    "\u202f": r"\,",
}
CAPITALS = {
    *("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
}
POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?)0*(\d+)(?!\w)")
TABULAR = r"""\begin{table}[tbp]
\centering\footnotesize
\caption{%(caption)s}
\label{tab:%(name)s}
\begin{tabular}{%(layout)s}
\toprule
%(head)s
\midrule
%(body)s
\bottomrule
\end{tabular}
%(notes)s\end{table}
"""
LONG = r"""{\footnotesize
\begin{longtable}{%(layout)s}
\caption{%(caption)s}
\label{tab:%(name)s}\\
\toprule
%(head)s
\midrule
\endhead
\bottomrule
\endfoot
%(body)s
\end{longtable}
%(notes)s}
"""


def render(table: Table) -> bytes:
    """The table in an environment of its own, and in a comment what it needs."""
    long = len(table.rows) > LONGEST
    packages = "booktabs, longtable" if long else "booktabs"
    text = f"% \\usepackage{{{packages}}}\n" + (LONG if long else TABULAR) % {
        "caption": escaped(table.title),
        "name": table.name,
        "layout": "".join("l" if column.text else "r" for column in table.columns),
        "head": "\n".join(_line(row) for row in _heads(table.columns)),
        "body": "\n".join(_line([_cell(cell) for cell in row]) for row in table.rows),
        "notes": _notes(table),
    }
    return text.encode()


def escaped(text: str) -> str:
    """Text that LaTeX prints as it stands, on one line."""
    line = re.sub(r"(?<=[-'])(?=[-'])", APART, " ".join(text.replace(APART, "").split()))
    return "".join(_escaped(c) for c in line)


def _escaped(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if name := _greek(character):
        return f"${name}$"
    if 32 <= ord(character) < 127:
        return character
    if character in LETTERS or _accented(character):
        return character
    return f"U+{ord(character):04X}"


def _accented(character: str) -> bool:
    """Whether it is a letter of the Latin alphabet with one of the usual accents."""
    parts = unicodedata.decomposition(character).split()
    base = int(parts[0], 16) if len(parts) == 2 and parts[0].isalnum() else 0
    return base < 128 and chr(base).isalpha() and ord(character) < 0x180


def _greek(character: str) -> str:
    """\\alpha of α; capitals that look like Latin ones are those."""
    name = unicodedata.name(character, "")
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name)
    if not found:
        return ""
    small = {"LAMDA": "lambda", "OMICRON": "o"}.get(found[2], found[2].lower())
    if found[1] == "SMALL":
        return {"final": "varsigma", "o": "o"}.get(small, f"\\{small}")
    latin = {"rho": "P", "eta": "H", "nu": "N", "mu": "M", "chi": "X"}
    return f"\\{small.title()}" if small in CAPITALS else latin.get(small, small[0].upper())


def _cell(cell: Cell) -> str:
    """As people read it; of numbers 1e-7 as a power of ten."""
    text = escaped(cell.text)
    if isinstance(cell.value, str):
        return text
    return POWER.sub(_power, text)


def _power(found: re.Match[str]) -> str:
    sign = "-" if found[2] == "-" else ""
    factor = "" if found[1] == "1" else rf"{found[1]}\times"
    return f"${factor}10^{{{sign}{found[3]}}}$"


def _heads(columns: Sequence[Column]) -> list[list[str]]:
    """One line of names, or two, where several words stand in a narrow column."""
    named = [f"{c.name} ({c.unit})" if c.unit and c.unit not in c.name else c.name for c in columns]
    pairs = [halves(name) for name in named]
    rows = [[escaped(first) for first, _ in pairs], [escaped(second) for _, second in pairs]]
    return rows if any(rows[0]) else rows[1:]


def _line(cells: Sequence[str]) -> str:
    """A row; after the end of a line LaTeX would take a bracket or a star as its own."""
    first = "{}" * cells[0].startswith(("[", "*")) + cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"


def _notes(table: Table) -> str:
    """Below the table, in small print."""
    if not table.notes:
        return ""
    said = " ".join(escaped(note) for note in table.notes)
    return f"\\par\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\scriptsize\n{said}\n" + (
        "\\end{minipage}\n"
    )
