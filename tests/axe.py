"""What axe-core finds wrong on a page that a browser shows, in sentences."""

import fcntl
import functools
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What the Web Content Accessibility Guidelines 2.2 ask for at AA, and axe-core's own advice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """([within, tags]) => axe.run(within ? {include: within} : document, {
    runOnly: tags, resultTypes: ["violations"],
})"""


@functools.cache
def _axe():
    """The text of axe-core; npm brings it once, in the version that the Makefile names."""
    if not shutil.which("npm") or not shutil.which("make"):
        pytest.skip("axe-core comes by make and npm, and one of them is not installed")
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/axe.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers may want it at once
        done = subprocess.run(["make", "build/axe"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode and "network" in done.stderr:
        pytest.skip(f"npm cannot fetch axe-core: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    return (ROOT / "build/axe/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def unreadable(browser, path):
    """Sentences about a page in both themes, and in a window of 320 pixels.

    That is a window of 1280 pixels at a zoom of 400 %.
    """
    found, page = [], browser.new_page()  # one, because reading axe-core takes most of the time
    page.goto(path.as_uri())
    for theme, width in (("light", 1280), ("dark", 1280), ("dark", 320)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{path.name}, {theme}, {width}: {each}" for each in wrong(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{path.name} is {wide} pixels wide, not {width}."] if wide > width else []
    page.close()
    return found


def wrong(page, *within):
    """Sentences about a page, or about what is within its elements with these selectors.

    Each names the rule, the element, and how to mend it.
    """
    for selector in within:  # axe-core is content with a selector that selects only some of them
        assert page.locator(selector).count(), f"nothing on the page is {selector}"
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate(_RUN, [list(within), TAGS])["violations"]
    return [
        f"{rule['id']}: {rule['help']}. {node['html'][:300]}\n{node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
