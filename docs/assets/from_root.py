"""A hook of MkDocs: pages and files of the repository's root, shown in the site without a copy.

They keep their paths, so that a link from `docs/` to `../CONTRIBUTING.md` becomes one to
`CONTRIBUTING.md`, and a link of the root to `docs/suites.md` becomes one to `suites.md`.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

SHOWN = ("CONTRIBUTING.md", "CHANGELOG.md", "examples/*", "plans/paper/*.toml", "CITATION.cff")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    root = Path(config.docs_dir).parent
    for path in (path for pattern in SHOWN for path in sorted(root.glob(pattern))):
        if path.is_file():
            name = path.relative_to(root).as_posix()
            files.append(File.generated(config, name, content=_without_docs(path.read_text())))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Markdown whose links out of `docs/` stay in the site."""
    if page.file.generated_by or "/" in page.file.src_uri:
        return markdown
    return markdown.replace("](../", "](")


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Code in tables: a bar that is escaped there, as hosts of repositories want it, is a bar."""
    return re.sub(r"<td><code>[^<]*", lambda cell: cell[0].replace("\\|", "|"), html)


def _without_docs(text: str) -> str:
    return text.replace("](docs/", "](").replace("](../docs/", "](../")
