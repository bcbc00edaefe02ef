"""The page of a report: one HTML file that fetches nothing, with a plotting library inside."""

import base64
import gzip
import hashlib
import re
from importlib.resources import files
from typing import Any

import msgspec

from toolkit.reports import palette
from toolkit.reports.content import Column, Section, fresh
from toolkit.reports.contents import Contents, contents_of
from toolkit.reports.frame import Report

PLOTTING = "plotly-basic.min.js"
SCRIPTS = ("view", "tables", "figures", "charts", "instances", "page")  # as they need each other
STYLES = ("page.css", "parts.css", "print.css")
LONG = re.compile(r"(\S{21,})")  # names that may break: after commas, brackets and 24 letters
PART = re.compile(r"[^,\[]{1,24}[,\[]*|[,\[]+")
PLACES = ("overview", "main", "contents", "looks", "table", "chart", "answer")  # of the page itself
DIGITS = 8  # of the numbers that the script draws and sorts by
BROWSED = {"columns", "instances"}  # keys of details that the page can show
POLICY = (  # the page may run its own scripts, and ask nobody for anything
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src {asked}; base-uri 'none'; form-action 'none'"
)


def render_page(report: Report | Contents, watch: str = "") -> str:
    """The HTML text; nothing in it is fetched from anywhere.

    watch  what the address `version` beside the page answers while the page is up to date; it is
           asked every other second, and the page is loaded anew when the answer is another one
    """
    contents = report if isinstance(report, Contents) else contents_of(report)
    scripts = {
        "theme": _asset("theme.js"),
        "plotting": _asset(PLOTTING),
        "script": _script(),
    }
    page: str = _template().render(
        scripts,
        contents=contents,
        places=_places(contents),
        style="".join(map(_asset, STYLES)),
        policy=_policy(scripts.values(), watch),
        watch=watch,
        looks={
            "colours": palette.COLOURS,
            "markers": palette.MARKERS,
            "dashes": palette.DASHES,
        },
    )
    return page


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(script=_json, packed=_packed, unit=_unit, breaks=_breaks)
    environment.tests.update(browsed=_browsed, listed=_listed)
    return environment.from_string(_asset("shell.html"))


def _places(contents: Contents) -> list[str]:
    """What the chapters are called in fragments: no two alike, however hostile their titles."""
    taken = set(PLACES)
    return [fresh(chapter.name, taken) for chapter in contents.chapters]


def _asset(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def _script() -> str:
    """Our own script: its files in one function, so that nothing of it is seen from outside."""
    parts = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _policy(scripts: Any, watch: str) -> str:
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)
    return POLICY.format(scripts=allowed, asked="'self'" if watch else "'none'")


def _json(value: Any) -> str:
    """JSON that may stand within a <script>, whatever names it holds."""
    return _encoded(value).decode().replace("<", "\\u003c")


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(_short(msgspec.to_builtins(value)))


def _short(value: Any) -> Any:
    """Numbers with as many digits as anybody reads: half the page would be digits otherwise."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list):
        return [_short(each) for each in value]
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    return value


def _packed(value: Any) -> str:
    """JSON, compressed, as letters and digits: the same bytes for the same value."""
    return base64.b64encode(gzip.compress(_encoded(value), 6, mtime=0)).decode()


def _browsed(section: Section) -> bool:
    return section.details.keys() >= BROWSED


def _unit(column: Column) -> str:
    """A column's unit, unless its name has it."""
    return "" if column.unit == "s" and "second" in column.name else column.unit


def _breaks(text: str) -> Any:
    """Text that may break within long names, and is copied as it was."""
    from markupsafe import Markup, escape

    names = LONG.split(text)  # every other one is long
    parts = (PART.findall(name) if i % 2 else [name] for i, name in enumerate(names))
    return Markup("").join(Markup("<wbr>").join(map(escape, each)) for each in parts)


def _listed(section: Section) -> bool:
    """Whether a table of the section has a row for each instance that can be opened."""
    links = (sum(bool(row[0].link) for row in table.rows if row) for table in section.tables)
    return max(links, default=0) >= len(section.details["instances"])
