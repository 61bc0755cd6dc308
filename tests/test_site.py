"""The website builds without a complaint, its links lead somewhere, and it gives nothing away."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from course.anatomy import anatomy
from course.architectures.lenet import LENET5
from course.check.card import Card
from course.diagnosis.causes import Cause, finding
from course.grading.out.release import stamped
from course.kit import figures
from tests import axe

pytest.importorskip(
    "myst_nb", reason="the website's builder is not installed: pip install -e .[site]"
)
ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/example/convnets"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages, built as `make site` does, but without running the lectures."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", source, dirs_exist_ok=True)
    for name in ("notebooks", "assignments"):
        shutil.copytree(ROOT / name, source / name)
    _as_executed(source / "notebooks" / "02-lenet.ipynb")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    quick = ["-D", "nb_execution_mode=off", str(source), str(built)]
    environment = {**os.environ, "REPOSITORY": REPOSITORY}
    done = subprocess.run([*command, *quick], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return built


def _as_executed(path):
    """Give a lecture the outputs of a control and the badge of a release."""
    nb = stamped(nbformat.read(path, 4), REPOSITORY, f"notebooks/{path.name}")
    (cell,) = (cell for cell in nb.cells if cell.id == "size-explored")
    widget = {"model_id": "0", "version_major": 2, "version_minor": 0}
    shown = {
        "application/vnd.jupyter.widget-view+json": widget,
        "text/html": '<img alt="The still picture." src="data:image/png;base64,">',
    }
    cell.outputs = [nbformat.v4.new_output("display_data", shown)]
    for each in (LENET5, anatomy(LENET5), figures.architecture(LENET5), *cards()):
        html = {"text/html": each._repr_html_()}
        cell.outputs.append(nbformat.v4.new_output("display_data", html))
    nbformat.write(nb, path)


def cards():
    """A card of each kind: right, wrong with rows that are folded, open."""
    wrong, unanswered = finding("F6", Cause.UNITS, 84, 80), finding("", Cause.NOT_ANSWERED)
    built = anatomy(LENET5)
    return [Card("lenet5", found, LENET5, built) for found in ([], [wrong], [unanswered])]


class _Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.fetched = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.anchors.add(attributes["id"])
        if link := attributes.get("href" if tag in ("a", "link") else "src"):
            self.links.append(link)
            if tag != "a" and attributes.get("rel", "") not in ("canonical", "author"):
                self.fetched.append(link)


def test_every_link_leads_somewhere(site):
    pages = {path: _Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    assert len(pages) >= 20
    followed = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.relative_to(site)} -> {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors | {""}, f"{path} -> {link}"
            followed += 1
    assert followed > 500


def test_nothing_is_fetched_from_elsewhere(site):
    """Formulas, controls and badges included."""
    for path in site.rglob("*.html"):
        away = [link for link in _Page(path).fetched if urlsplit(link).scheme not in ("", "data")]
        assert not away, path.relative_to(site)
    page = (site / "notebooks" / "02-lenet.html").read_text(encoding="utf-8")
    assert "<math" in page and "mathjax.js" not in page.lower()
    assert "The still picture." in page and "widget-view+json" not in page
    assert ">Open in Colab</a>" in page


def test_answers_are_folded_away(site):
    for name in ("notebooks/01-convolution", "assignments/01-convolution/convolution"):
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        folded = re.findall(r"<details>\s*<summary>Answer</summary>\s*<p>.+?</details>", page, re.S)
        assert len(folded) >= 5 and page.count("<summary>Answer") == len(folded)


def test_every_notebook_opens_in_colab(site):
    notebooks = [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "assignments").glob("*/*.ipynb")]
    assert len(notebooks) == 17
    for path in notebooks:
        place = path.relative_to(ROOT)
        links = _Page(site / place.with_suffix(".html")).links
        colab = [link for link in links if "colab.research.google.com" in link]
        user = REPOSITORY.removeprefix("https://github.com/")
        expected = f"https://colab.research.google.com/github/{user}/blob/main/{place.as_posix()}"
        assert expected in colab


def test_no_solution_is_on_the_website(site):
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    for path, page in pages.items():
        if path.parent != site:  # a notebook; a page may say what these lines are for
            assert "BEGIN SOLUTION" not in page and "BEGIN HIDDEN" not in page
    text = re.sub(r"<[^>]+>", "", "\n".join(pages.values()))
    for path in (ROOT / "solutions").glob("*/*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            hidden = cell.source.partition("### BEGIN HIDDEN TESTS\n")[2]
            for line in hidden.splitlines():
                if line.startswith("def "):
                    assert line not in text, f"{path.stem}, {cell.id}"


def test_it_can_be_searched_and_read_on_a_narrow_screen(site, browser):
    """As narrow as a window of 1280 pixels is at a zoom of 400 %."""
    page = browser.new_page(viewport={"width": 320, "height": 900})
    page.goto((site / "search.html").as_uri() + "?q=bottleneck")
    page.locator("ul.search li").first.wait_for()
    found = page.locator("ul.search").inner_text()
    assert "GoogLeNet" in found and "ResNet" in found
    for path in site.rglob("*.html"):
        if "_static" not in path.parts:
            page.goto(path.as_uri())
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 320, path.relative_to(site)


KINDS = (
    "index", "search", "security", "students", "notebooks/02-lenet", "assignments/02-lenet/lenet",
)  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_it(site, browser, theme):
    page = browser.new_page(color_scheme=theme)
    for kind in KINDS:
        page.goto((site / f"{kind}.html").as_uri())
        assert page.get_attribute("html", "data-theme") == theme
        assert not axe.wrong(page), kind
    page.goto((site / "notebooks/02-lenet.html").as_uri())
    picture = page.locator(".text_html svg[role=img]")
    behind = "element => getComputedStyle(element.closest('.text_html')).backgroundColor"
    assert picture.evaluate(behind) == "rgba(0, 0, 0, 0)"  # it has the page's own colours
