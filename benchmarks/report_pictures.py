"""Photographs a report for the README: python benchmarks/report_pictures.py PAGE FOLDER

PAGE is the index.html of `python -m toolkit.bench report`; needs the package playwright and the
system's Chromium.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SETTLED = 1500  # ms for charts to be drawn
SHOTS = {  # name: (width, height, scheme, what is clicked first, what is at the top)
    "answer": (1280, 960, "light", "", "h1"),
    "gap-time": (1280, 740, "light", "", "section[id$='.gap-time']"),
    "decision": (1280, 1000, "dark", "section[id$='.instances'] tbody a", "text=/^The run of/"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, shot in SHOTS.items():
            width, height, scheme, _, _ = shot
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page.goto(args.page.resolve().as_uri())
            _show(page, *shot[3:])
            page.screenshot(path=args.folder / f"report-{name}.png")
        browser.close()


def _show(page: Page, clicked: str, top: str) -> None:
    """Opens what is clicked, and scrolls to what is looked for."""
    if clicked:
        page.locator(clicked).first.click()
    page.locator(top).first.evaluate("e => e.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(SETTLED)


if __name__ == "__main__":
    main()
