"""What the pages name is there: tests, programs, commands and their options."""

import json
import re
import tomllib

import click
import nbformat

from course.cli import course
from tests.classroom import ROOT, SOURCES

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FILES = [path for room in ("tests", "examples") for path in (ROOT / room).rglob("*.py")]
TESTS = {path.name: path.read_text(encoding="utf-8") for path in FILES}


def code(page):
    """The pieces of code of a page: its code spans, and the lines of its blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    lines = [line.split(" #")[0] for block in blocks for line in block.splitlines()]
    return [" ".join(piece.split()) for piece in (*lines, *spans)]


def named(pattern):
    """[(page, what is found), ...] in the code of all pages."""
    found = [
        (page.name, m) for page in PAGES for piece in code(page) for m in re.findall(pattern, piece)
    ]
    assert found, pattern
    return found


def test_every_test_that_a_page_names_is_there():
    for page, (file, name) in named(r"\b(test_\w+\.py)(?:::(\w+))?"):
        assert file in TESTS, (page, file)
        assert not name or f"def {name}(" in TESTS[file], (page, file, name)


def test_every_program_that_a_page_names_is_there():
    for page, (path, options) in named(r"\bpython (benchmarks/\w+\.py)((?: [^\s|]+)*)"):
        source = (ROOT / path).read_text(encoding="utf-8")
        for option in re.findall(r"--[\w-]+", options):
            assert f'"{option}"' in source, (page, path, option)
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page, target in named(r"^make ([\w-]+)"):
        assert target in targets, (page, target)


def test_every_command_that_a_page_names_is_there():
    context = click.Context(course)
    for page, (name, rest) in named(r"^(?:\$ |\.venv/bin/)?course ([a-z]+)((?: [^\s|;]+)*)$"):
        command = course.get_command(context, name)
        assert command is not None, (page, name)
        known = {option for each in command.params for option in each.opts}
        for option in re.findall(r"--[\w-]+", rest):
            assert option in known, (page, name, option)


def test_every_attack_of_the_catalogue_stands_in_the_test_that_it_names():
    """`test_attacks.py` names attacks by their numbers: 4, or 16_to_19."""
    names = r'^def test_(\d+)(?:_(?:to_)?(\d+))?_|^    "(\d+) '
    shown = set()
    for first, last, alone in re.findall(names, TESTS["test_attacks.py"], re.MULTILINE):
        shown.update(range(int(first or alone), int(last or first or alone) + 1))
    rows = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)(?:(?:, | to )(\d+))? \|(.*)$", rows, re.MULTILINE)
    numbers = [n for first, last, _ in rows for n in range(int(first), int(last or first) + 1)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert f"lists {len(numbers)} attacks" in (ROOT / "README.md").read_text(encoding="utf-8")
    for first, last, row in rows:
        if "`test_attacks.py`" in row:
            assert shown.issuperset(range(int(first), int(last or first) + 1)), (first, last)


def test_the_plan_of_a_term_counts_what_there_is():
    plan = (ROOT / "docs/planning.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (0\d) \| (.*) \|$", plan, re.MULTILINE)
    wanted = [(path.parent.name[:2], " | ".join(_counted(path))) for path in SOURCES]
    assert rows == wanted


def _counted(path):
    """The cells of an assignment's row: minutes, exercises, checks, a person's, builds on."""
    cells = nbformat.read(path, 4).cells
    lecture, minutes = ROOT / "notebooks" / f"{path.parent.name}.ipynb", "–"
    if lecture.exists():
        title = nbformat.read(lecture, 4).cells[0].source
        minutes = re.search(r"About (\d+) minutes to read", title)[1]
    yield minutes
    yield str(sum(bool(re.match(r"## \d+ · ", cell.source)) for cell in cells))
    graded = [c.metadata.nbgrader for c in cells if c.metadata.get("nbgrader", {}).get("grade")]
    yield str(sum(not about["solution"] for about in graded))
    yield " ".join(f"{about['points']} points" for about in graded if about["solution"]) or "–"
    yield next(m[1] for c in cells if (m := re.search(r"Builds on (.*?)\.(?: |$)", c.source)))


def test_binder_codespaces_and_the_hubs_image_fit_the_package():
    """What these files name is there: extras, a make target, parts of nbgrader."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = extras["optional-dependencies"].keys()
    for name in ("binder/requirements.txt", "docs/jupyterhub/Dockerfile"):
        (named,) = re.findall(r"\[([a-z,]+)\]", (ROOT / name).read_text())
        assert set(named.split(",")) <= known, name
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    makefiles = [ROOT / "Makefile", ROOT / "course/grading/templates/student/Makefile"]
    for path in makefiles:
        assert container["postCreateCommand"] == "make .venv/.ready"
        assert "\nVENV   ?= .venv\n" in path.read_text() and "/.ready\n" in path.read_text()
    parts = re.compile(r"for part in ([a-z -]+); do")
    hidden = parts.search((ROOT / "binder/postBuild").read_text())[1]
    assert hidden == parts.search(makefiles[1].read_text())[1]  # as for any student


def test_the_table_that_a_page_writes_is_the_one_in_the_repository():
    page = (ROOT / "docs" / "own-assignments.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def of_wi" in b)
    assert block in (ROOT / "tables" / "mobilenet.py").read_text(encoding="utf-8")
    assert block.splitlines()[-1].startswith("MOBILENET = ")  # and it is whole
