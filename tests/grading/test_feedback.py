"""Nothing of a student's runs in a browser, and feedback says what was found and not how."""

import errno
import json
import re
import shutil
import subprocess
from copy import deepcopy
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import nbgrader
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.preprocessors import ClearHiddenTests

from course.grading.folder import CourseFolder
from course.grading.notebook.defang import JOINER, Defang, harmless
from course.grading.out.feedback import FeedbackPage, feedback, page
from tests import axe
from tests.school import School

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FORMGRADER = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
TEMPLATES, STYLES = FORMGRADER / "templates", FORMGRADER / "static/node_modules/bootstrap/dist/css"

# A script that leaves its number in the top window's page; RUN stands for it below.
RUN = "top.document.documentElement.className+=String.fromCharCode(32,114,97,110)+{}"

MARKDOWN = [
    "<details open ontoggle=RUN><summary>x</summary></details>",
    "<details>\n<summary>x</summary>\n\n<img src=x onerror=RUN>\n\n</details>",
    "<script>RUN</script>",
    "<img src=x onerror=RUN>",
    "<img src=x\nonerror=RUN //",
    "<svg onload=RUN>",
    "<svg><script>RUN</script></svg>",
    '<iframe srcdoc="<script>RUN</script>"></iframe>',
    "<details open ontoggle=RUN>x</details>",
    "<input autofocus onfocus=RUN>",
    "<video><source onerror=RUN></video>",
    "<object data='data:text/html,<script>RUN</script>'></object>",
    "<style>@keyframes k{}</style><p style='animation-name:k' onanimationstart=RUN>x</p>",
    "<!--><img src=x onerror=RUN>-->",
    "<![CDATA[><img src=x onerror=RUN>]]>",
    "<?x ><img src=x onerror=RUN>?>",
    "a <b><img src=x onerror=RUN></b> c",
    "# <img src=x onerror=RUN>",
    "|a|\n|-|\n|<img src=x onerror=RUN>|",
    "- [x] <img src=x onerror=RUN>",
    "> <img src=x onerror=RUN>",
    "[<img src=x onerror=RUN>](https://example.org)",
    "```mermaid\n<img src=x onerror=RUN>\n```",
    "```html\n</code></pre><img src=x onerror=RUN>\n```",
    '```"><img src=x onerror=RUN>\nx\n```',
    "$<img src=x onerror=RUN>$",
    "$$\n<img src=x onerror=RUN>\n$$",
    "\\begin{a}<img src=x onerror=RUN>\\end{a}",
    '![x" onerror="RUN](y)',
    "![x](y \"z' onerror='RUN\")",
    '![x](y"onerror="RUN)',
    "&lt;img src=x onerror=RUN&gt;",
    "```mermaid\n&lt;img src=x onerror=RUN&gt;\n```",
]
OUTPUTS = [
    {"text/html": "<script>RUN</script>"},
    {"text/html": "<img src=x onerror=RUN>", "text/plain": "x"},
    {"text/markdown": "<img src=x onerror=RUN>"},
    {"text/latex": "$x$<img src=x onerror=RUN>"},
    {"application/javascript": "RUN"},
    {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='RUN'/>"},
    {"image/png": 'x" onerror="RUN'},
    {"image/jpeg": "x'><img src=x onerror=RUN>"},
    {"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>RUN</script>"}},
    {"text/plain": "<img src=x onerror=RUN>"},
    {"text/plain": "\x1b[31m<img src=x onerror=RUN>\x1b[0m"},
    {"text/plain": ["<img src=x onerror=RUN>"]},
]
LINKS = [
    "[x](javascript:RUN)",
    "[x]( javascript:RUN)",
    "[x](\njavascript:RUN)",
    "[x](JaVaScRiPt:RUN)",
    "[x](&#106;avascript:RUN)",
    "[x](&#x6A;avascript:RUN)",
    "[x](javascript&colon;RUN)",
    "[x](java&Tab;script:RUN)",
    "[x](java\\script:RUN)",
    "[x](<javascript:RUN>)",
    "[x](vbscript:RUN)",
    "[x](data:text/html,<script>RUN</script>)",
    "[x][y]\n\n[y]: javascript:RUN",
    "[y]\n\n[y]:\n  javascript:RUN",
    "<javascript:RUN>",
    "![x](https://example.org/seen.png)",
    "![x](/logout)",
]
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


def hostile_notebooks():
    """{number: notebook}: each with one script that would leave that number."""
    made = [lambda run, text=text: _markdown(text.replace("RUN", run)) for text in MARKDOWN]
    made += [lambda run, data=data: _output(_filled(data, run)) for data in OUTPUTS]
    made += [
        lambda run: _output(
            {"image/png": PNG}, metadata={"image/png": {"width": f"1 onload={run}"}}
        ),
        lambda run: _output(
            {"image/png": PNG}, metadata={"image/png": {"alt": f'" onload="{run}'}}
        ),
        lambda run: _with(code=f"<img src=x onerror={run}>"),
        lambda run: _with(execution_count=f"<img src=x onerror={run}>"),
        lambda run: _with(id=f'"><img src=x onerror={run}>'),
        lambda run: _with(cell_metadata={"tags": [f'"><img src=x onerror={run}>']}),
        lambda run: _with(
            cell_metadata={"nbgrader": _meta(f'"><img src=x onerror={run}>', grade=True)}
        ),
        lambda run: _with(
            cell_metadata={
                "nbgrader": {**_meta("a"), "comment": f"<img src=x onerror={run}>", "score": 0}
            }
        ),
        lambda run: _with(metadata={"title": f"</title><img src=x onerror={run}>"}),
        lambda run: _with(
            metadata={
                "widgets": {
                    "application/vnd.jupyter.widget-state+json": {
                        "state": f"</script><script>{run}</script>"
                    }
                }
            }
        ),
        lambda run: _with(metadata={"course": {"failed": f"<img src=x onerror={run}>"}}),
        lambda run: _with(metadata={"course": {"repairs": [f"<img src=x onerror={run}>"]}}),
        lambda run: _with(
            outputs=[
                {"output_type": "stream", "name": f"<img src=x onerror={run}>", "text": "x"},
                new_output("stream", text=f"<img src=x onerror={run}>"),
                new_output(
                    "error",
                    ename=f"<img src=x onerror={run}>",
                    evalue="x",
                    traceback=[f"\x1b[31m<img src=x onerror={run}>\x1b[0m"],
                ),
            ]
        ),
        lambda run: _attached(f"<svg xmlns='http://www.w3.org/2000/svg' onload='{run}'/>"),
        lambda run: _raw(f"<img src=x onerror={run}>"),
    ]
    return {number: make(RUN.format(number)) for number, make in enumerate(made, 100)}


def _filled(data, run):
    return json.loads(json.dumps(data).replace("RUN", run))


def _markdown(text):
    return new_notebook(cells=[new_markdown_cell(text)])


def _output(data, metadata=None):
    output = {"output_type": "display_data", "data": data, "metadata": metadata or {}}
    return _with(outputs=[output])


def _with(code="x", metadata=None, cell_metadata=None, outputs=(), **fields):
    cell = new_code_cell(code)
    cell.update({"outputs": list(outputs), "metadata": cell_metadata or {}, **fields})
    return _unchecked([cell], metadata)


def _unchecked(cells, metadata=None):
    """A notebook as a file can be; nbformat's own makers would refuse some."""
    given = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {}, "cells": cells}
    return nbformat.from_dict(json.loads(json.dumps(given)))


def _attached(svg):
    cell = new_markdown_cell("![x](attachment:a.svg)")
    cell["attachments"] = {"a.svg": {"image/svg+xml": svg}}
    return _unchecked([cell])


def _raw(text):
    return new_notebook(
        cells=[nbformat.v4.new_raw_cell(text, metadata={"raw_mimetype": "text/html"})]
    )


def _meta(grade_id, **flags):
    return {
        "grade_id": grade_id, "points": 1, "grade": False, "solution": True, "task": False,
        "locked": False, "schema_version": 3, "cell_type": "code", **flags,
    }  # fmt: skip


def defanged(nb):
    return Defang().preprocess(deepcopy(nb), {})[0]


@cache
def nbgraders_exporter(template):
    return HTMLExporter(
        template_name=template,
        extra_template_basedirs=[str(TEMPLATES)],
        extra_template_paths=[str(STYLES)],
        embed_images=True,
    )


def nbgraders_page(nb, template):
    """What nbgrader's feedback page or its formgrader makes of a notebook."""
    names = {"notebook": "p", "score": 0, "max_score": 1, "late_penalty": 0}
    resources = {"nbgrader": names, "index": 0, "total": 1, "notebook_path": "p", "base_url": ""}
    return nbgraders_exporter(template).from_notebook_node(nb, resources)[0]


def our_page(nb):
    names = {"notebook": "p", "assignment": "a", "student": "s", "score": 0, "max_score": 1}
    return page(nb, names)


def what_ran(folder, pages):
    """The numbers that the scripts in these pages left behind, each page in a frame of its own."""
    folder.mkdir()
    frames = ""
    for number, html in pages.items():
        (folder / f"{number}.html").write_text(html, encoding="utf-8")
        frames += f'<iframe src="{number}.html"></iframe>'
    top = folder / "top.html"
    top.write_text(f"<!DOCTYPE html><html class=top><body>{frames}</body></html>")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={folder / 'profile'}", "--allow-file-access-from-files",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000",
            "--dump-dom", top.as_uri(),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r'<html class="([^"]*)"', done.stdout)
    assert found, f"the browser did not load the page:\n{done.stderr[-2000:]}"
    return {int(word[3:]) for word in found[1].split() if word.startswith("ran")}


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to open pages in")


@pytest.fixture(scope="module")
def hostile():
    return hostile_notebooks()


@needs_chromium
def test_the_scripts_do_run_in_pages_that_nbgrader_makes(hostile, tmp_path):
    """Else the tests below would prove nothing."""
    for template, least in (("feedback", 10), ("formgrade", 10)):
        pages = {}
        for number, nb in hostile.items():
            try:
                pages[number] = nbgraders_page(deepcopy(nb), template)
            except Exception:
                continue  # a page that cannot be made runs nothing
        assert len(what_ran(tmp_path / template, pages)) >= least


@needs_chromium
@pytest.mark.parametrize("template", ["feedback", "formgrade"])
def test_nothing_runs_in_nbgraders_pages_once_defanged(hostile, tmp_path, template):
    pages = {number: nbgraders_page(defanged(nb), template) for number, nb in hostile.items()}
    assert what_ran(tmp_path / "pages", pages) == set()


@needs_chromium
def test_nothing_runs_in_our_page_even_without_defang(hostile, tmp_path):
    pages = {}
    for number, nb in hostile.items():
        for cell in nb.cells:
            cell.metadata.setdefault("nbgrader", nbformat.from_dict(_meta("a")))
        pages[number] = our_page(nb)
    assert what_ran(tmp_path / "escaped", pages) == set()
    # The second fence alone: the page's policy on pages that do run scripts.
    policy = re.search(r"<meta http-equiv=.*?>", pages[100])[0]
    pages = {
        number: nbgraders_page(nb, "feedback").replace("<head>", f"<head>{policy}", 1)
        for number, nb in hostile.items()
        if nb.cells[0].cell_type == "markdown" and "attachments" not in nb.cells[0]
    }
    assert all(policy in html for html in pages.values())
    assert what_ran(tmp_path / "fenced", pages) == set()


class Links(HTMLParser):
    """Tags, attributes and addresses of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.addresses = set(), set(), []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        for name, value in attributes:
            self.attributes.add(name)
            if name in ("href", "src", "action", "data", "formaction", "xlink:href"):
                # Browsers leave out tabs and line ends, and blanks at the beginning.
                self.addresses.append(re.sub(r"[\t\r\n]", "", value or "").lstrip().lower())


def assert_nothing_active(html):
    found = Links(html)
    assert not found.tags & {"script", "iframe", "object", "embed", "img", "svg", "style", "form"}
    assert not [name for name in found.attributes if name.startswith("on")]
    for address in found.addresses:
        assert urlsplit(address).scheme in ("", "http", "https", "mailto"), address


@pytest.mark.parametrize("text", LINKS)
def test_no_link_leads_to_a_script_and_no_picture_calls_home(text):
    assert_nothing_active(markdown2html(harmless(text)))
    assert harmless(text).replace(JOINER, "") == text


@pytest.mark.parametrize(
    "text",
    [
        r"$\href{javascript:alert(1)}{x}$",
        r"$\require{html}\style{x}{y}\class{a}{b}\cssId{c}{d}$",
        r"$\mmlToken{mi}[href='javascript:alert(1)']{x}$",
        "&#36;&#92;href{javascript:alert(1)}{x}&#36;",
        r"&dollar;\&#104;ref{javascript:alert(1)}{x}&dollar;",
    ],
)
def test_no_formula_makes_links(text):
    shown = re.sub("<[^>]*>", "", markdown2html(harmless(text)))
    assert not re.search(r"\\(href|require|style|class|cssId|mmlToken)", shown)


@pytest.mark.parametrize(
    "text",
    [
        "a < b, c<d & e && f; i <= 3; x[0](y), `List[int]: a<b`, d[1]: 2",
        "[paper](https://arxiv.org/abs/1512.03385), <b not closed, 1 <2",
        r"$\left\lfloor \frac{N + 2P - F}{S} \right\rfloor + 1 \text{ for } N < 3 \&  M$",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n- item\n\n```python\nif a < b: x = y[1](2)\n```",
        "[below](#part), [file](notes/a-1.md) and &lt;tag&gt; &times; &amp;",
        "Why?\n\n<details>\n<summary>Answer</summary>\n\n*Because* a < b.\n\n</details>\n\nOn.",
    ],
)
def test_what_is_harmless_stays_as_it_was(text):
    shown = markdown2html(harmless(text)).replace(JOINER, "")
    expected = text.replace("<b not", "&lt;b not")  # nbconvert would take it for a tag
    assert shown == markdown2html(expected)
    assert harmless("if a < b and c <= d: pass") == "if a < b and c <= d: pass"


PIECES = [
    "<", ">", "&", "#", ";", "[", "]", "(", ")", ":", "!", "\\", "$", "`", "```", "\n", "\t", "\r",
    " ", '"', "'", "script", "img src=x onerror=x", "javascript", "java", "data", "href", "a",
    "colon", "106", "x6A", "lt", "https://", "{", "}", "|", "-", "*", "\x01", "\x00", JOINER, "/",
    "begin", "mermaid", "\xa0", "\u2028", "\u0085", "details", "summary",
]  # fmt: skip


@settings(deadline=None, max_examples=400, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_whatever_is_written_makes_nothing_active(text):
    once = harmless(text)
    assert harmless(once) == once
    assert_nothing_active(markdown2html(once))
    control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
    same = control.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    assert once.replace(JOINER, "") == same.replace(JOINER, "")


@settings(deadline=None, max_examples=150, phases=[Phase.explicit, Phase.generate])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["output_type", "data", "text", "name", "traceback", "text/plain", "image/png"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_defang_takes_any_output_and_metadata(value):
    given = value if isinstance(value, dict) else {"data": value, "text": value}
    cell = new_code_cell("x")
    cell.update(
        outputs=[nbformat.from_dict(given)] * 2, execution_count=value, id=value,
        metadata=nbformat.from_dict({"nbgrader": value, "course": value, "tags": value}),
    )  # fmt: skip
    nb = defanged(_unchecked([cell], {"course": value, "kernelspec": value}))
    nbformat.validate(nb)
    assert {kind for o in nb.cells[0].outputs for kind in o.get("data", {})} <= {
        "text/plain", "image/png", "image/jpeg",
    }  # fmt: skip
    nbformat.writes(nb).encode("utf-8")
    assert defanged(nb) == nb


def test_badges_of_colab_go_whole():
    ours = "# LeNet-5\n\n[![Open in Colab](https://c.org/b.svg)](https://c.org/x)\n\nYou build"
    colabs = (
        '<a href="https://colab.research.google.com/github/x" target="_parent">'
        '<img src="https://c.org/badge.svg" alt="Open In Colab"/></a>'
    )
    nb = new_notebook(cells=[new_markdown_cell(ours), new_markdown_cell(colabs)])
    assert [cell.source for cell in defanged(nb).cells] == ["# LeNet-5\n\nYou build", ""]


def test_text_and_bitmaps_stay():
    output = new_output("display_data", {"image/png": PNG, "text/plain": "[Picture: LeNet-5]"})
    said = new_output("error", ename="E", evalue="a\ud800", traceback=["\x1b[31mE\x1b[0m: a < b\n"])
    source = "x = '<script>'  # a < b\nreturn x[0](y)"
    nb = new_notebook(cells=[new_code_cell(source, outputs=[output, said], execution_count=3)])
    cell = defanged(nb).cells[0]
    assert (cell.source, cell.execution_count) == (source, 3)
    assert cell.outputs[0].data == output.data
    assert cell.outputs[1].traceback == ["E: a < b\n"]
    assert cell.outputs[1].evalue == "a?"


def test_endless_texts_and_outputs_are_shortened_and_say_so():
    many = [new_output("stream", text="x" * 300_000)] + [new_output("stream", text="y")] * 500
    cell = defanged(new_notebook(cells=[new_code_cell("x", outputs=many)])).cells[0]
    assert "200,000 more characters are left out" in cell.outputs[0].text
    assert "301 more outputs are left out" in cell.outputs[-1].data["text/plain"]
    assert len(nbformat.writes(new_notebook(cells=[cell]))) < 200_000


# --- the page


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    school = School(tmp_path_factory.mktemp("school"))
    padded = ("conv2", "PADDING", "conv2 gives 27 × 27. The padding is <none>, the table has 2.")
    school.hand_in("right")
    school.hand_in("wrong", shapes=[padded, ("conv3", "STRIDE", "conv3: The stride is 2.")])
    school.hand_in("essay", manual=None)
    school.hand_in("late", days_late=4)
    school.hand_in("broken", failed="p1.ipynb is not JSON <at all>")
    school.hand_in("repaired", repairs=["The locked cell shapes had been changed; <restored>."])
    return school


def text_of(school, student):
    course = CourseFolder(school.folder)
    assert feedback(course, school.assignment, [student]) == []
    path = school.folder / "feedback" / student / school.assignment / "p1.html"
    return path.read_text(encoding="utf-8")


def words(html):
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", body).split())


def test_a_page_shows_points_findings_and_causes(school):
    html = text_of(school, "wrong")
    said = words(html)
    assert "14 of 20 points" in said
    assert "✗ not right" in said and "✓ right" in said
    assert escape("The padding is <none>, the table has 2.") in said
    assert "conv3: The stride is 2." in said
    assert '<span class="cause">padding</span>' in html


def test_no_page_shows_a_test(school):
    html = text_of(school, "wrong")
    assert "HIDDEN" not in html and "secret_check" not in html and "check.model" not in html
    stock = nbformat.read(school.judged("wrong"), 4)
    for cell in stock.cells:  # as nbgrader's own Execute leaves it: the traceback shows the test
        if cell.metadata.pop("course", None) and cell.cell_type == "code":
            test = ["assert secret_check(f) == 9"]
            cell.outputs = [new_output("error", ename="AssertionError", evalue="9", traceback=test)]
    html = our_page(ClearHiddenTests().preprocess(stock, {})[0])
    assert "secret_check" not in html and "AssertionError" in html


def test_what_waits_is_not_shown_as_zero(school):
    said = words(text_of(school, "essay"))
    assert "14 of 20 points so far: 1 answer waits to be graded by a person" in said
    assert "waits for a person" in said and "– / 6" in said


def test_a_page_says_why_there_is_no_verdict(school):
    said = words(text_of(school, "broken"))
    assert escape("p1.ipynb is not JSON <at all>") in said
    assert "Not graded." in said and "of 20 points" not in said


def test_a_full_disk_is_told_once(school, monkeypatch, capsys):
    def full(self, output, resources, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", "/disk/p1.html")

    monkeypatch.setattr("nbconvert.writers.files.FilesWriter.write", full)
    assert school.course("feedback", school.assignment) == 1
    said = capsys.readouterr()
    assert "/disk/p1.html: the disk is full. Make room." in said.err
    assert "no feedback for" not in said.out


def test_late_days_and_repairs_are_told(school):
    assert "4 points were taken off because it was handed in late" in words(text_of(school, "late"))
    assert escape("had been changed; <restored>.") in words(text_of(school, "repaired"))


def test_a_page_needs_no_network_and_no_script(school):
    found = Links(text_of(school, "wrong"))
    assert not found.tags & {"script", "link", "iframe"}
    assert all(address.startswith(("#", "data:image/png")) for address in found.addresses)


def test_nbgrader_uses_our_page_by_its_settings(school):
    exporter = CourseFolder(school.folder).config.GenerateFeedback.exporter_class
    assert exporter.endswith(FeedbackPage.__name__)


@pytest.mark.parametrize("student", ["wrong", "essay", "broken", "repaired"])
def test_everybody_can_read_a_page(school, browser, student):
    html = text_of(school, student)
    assert '<html lang="' in html
    path = school.folder / f"{student}.html"
    path.write_text(html, encoding="utf-8")
    assert not axe.unreadable(browser, path)
