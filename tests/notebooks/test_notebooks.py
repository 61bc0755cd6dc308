"""Notebooks as they lie in git: clean, and the assignments are the release of the solutions."""

import ast
import dis
import json
import re
import shutil
from types import CodeType

import nbformat
import pytest

from course.evidence.syntax import bound, parsed
from course.grading.folder import CourseFolder
from course.grading.notebook.problems import source_problems
from course.grading.out.release import release, stamped
from course.grading.own import house
from tests.classroom import LECTURES, OURS, ROOT, SOURCES

NOTEBOOKS = sorted(
    [*SOURCES, *LECTURES]
    + [path for name in OURS for path in (ROOT / "assignments" / name).glob("*.ipynb")]
)


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_a_notebook_is_clean(path):
    text = path.read_text(encoding="utf-8")
    nb = json.loads(text)
    nbformat.validate(nb)
    assert (nb["nbformat"], nb["nbformat_minor"]) == (4, 5)
    assert nb["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in nb["cells"]]
    assert len(ids) == len(set(ids))
    for cell in nb["cells"]:
        where = f"{relative(path)}, cell {cell['id']}"
        # A random id has eight hexadecimal digits; ours are words, so that diffs can be read.
        assert not all(letter in "0123456789abcdef" for letter in cell["id"]), where
        source = "".join(cell["source"])
        assert all(line == line.rstrip() for line in source.split("\n")), where
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, where
            assert len(source.splitlines()) <= 40 or cell["id"] == "tables", where
        assert not {"id", "outputId", "colab"} & cell["metadata"].keys(), where
    assert text.endswith("}\n")
    assert not re.search(r"@[A-Z]+@|TODO", text), "something is still to be filled in"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_source_can_be_released(path):
    assert source_problems(path) == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
@pytest.mark.parametrize("look", house.STYLE, ids=lambda look: look.__name__)
def test_a_source_is_in_the_style_of_the_house(path, look):
    assert look(nbformat.read(path, 4)) == []


@pytest.mark.parametrize("path", [*LECTURES, ROOT / "start.ipynb"], ids=relative)
def test_a_lecture_can_be_read_aloud(path):
    assert house.read_aloud(nbformat.read(path, 4)) == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_figure_that_an_assignment_promises_is_drawn(path):
    """The architecture, the cost, what a value sees, filters, maps, curves: in 01 to 06 all."""
    code = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code")
    drawn = set(re.findall(r"figures\.(\w+)\(", code))
    wanted = {"architecture", "cost", "receptive_field", "filters", "feature_maps", "curves"}
    if path.parent.name == "07-comparison":
        wanted = {"bars", "scatter"}
    if path.parent.name == "09-mobilenet":
        wanted = {"architecture", "cost", "scatter", "curves"}
    if path.parent.name == "08-project":
        wanted = {"architecture", "images", "bars", "curves"}
    assert wanted <= drawn


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_minutes_that_were_not_measured_are_called_an_estimate(path):
    """The course was never run on a T4."""
    text = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown")
    said = [sentence for sentence in re.split(r"(?<=[.!?])\s", text) if "T4" in sentence]
    assert said, "how long does it take on a T4?"
    assert all("estimate" in sentence for sentence in said), said


@pytest.mark.parametrize("path", [*LECTURES, *SOURCES], ids=lambda path: path.stem)
def test_the_loss_of_a_step_is_that_of_this_step_alone(path):
    """Keras 3.8 gives the mean of all steps since the last reset; Keras 3.15 resets by itself."""
    for cell in nbformat.read(path, 4).cells:
        lines = cell.source.splitlines() if cell.cell_type == "code" else []
        for above, line in zip(["", *lines], lines, strict=False):
            if "train_on_batch(" in line and not re.match(r"\s*\w+\.train_on_batch\(", line):
                assert "reset_metrics()" in above, (cell.id, line)


@pytest.mark.parametrize("path", [p for p in NOTEBOOKS], ids=relative)
def test_the_setup_cell_is_the_same_everywhere(path):
    cells = {cell.id: cell.source for cell in nbformat.read(path, 4).cells}
    first = {c.id: c.source for c in nbformat.read(SOURCES[0], 4).cells}["setup"]
    plain = re.compile(r'REPOSITORY = ".*?"|course\.setup\(.*?\)')
    assert plain.sub("", cells["setup"]) == plain.sub("", first)


def _taken_and_made(source):
    """The names that a cell takes from other cells, and those that it leaves; imports apart."""
    tree = parsed(source)
    imports = [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]
    imported = {name for each in imports for name in bound(each)}
    taken, inside, made = set(), set(), set()
    for step in dis.get_instructions(compile(tree, "cell", "exec")):
        if step.opname == "STORE_NAME":
            made.add(step.argval)
        elif step.opname == "LOAD_NAME" and step.argval not in made:
            taken.add(step.argval)
        elif isinstance(step.argval, CodeType):
            inside |= set(_read_in(step.argval))
    return taken | (inside - made), made - imported


def _read_in(code):
    """The names that a function and the functions inside of it read from the notebook."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
        elif isinstance(step.argval, CodeType):
            yield from _read_in(step.argval)


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path not in SOURCES], ids=relative
)  # fmt: skip
def test_a_cell_may_be_run_once_more_after_later_ones(path):
    """Whoever goes back and runs a cell again finds in its names what was there the first time."""
    cells = [
        (cell.metadata.get("nbgrader", {}).get("grade_id", cell.id), *_taken_and_made(cell.source))
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "code" and cell.id != "setup"
    ]
    made_anew = {
        f"{reader} takes {name}, which {later} makes anew"
        for number, (reader, taken, _) in enumerate(cells)
        for name in taken
        if any(name in made for _, _, made in cells[:number])
        for later, _, made in cells[number + 1 :]
        if name in made
    }
    assert made_anew == set()


def test_stamping_and_its_undoing(tmp_path):
    nb = nbformat.read(SOURCES[0], 4)
    before = nbformat.writes(nb)
    address = "https://github.com/uni/convnets"
    stamped(nb, address, "assignments/x/y.ipynb")
    page = "https://colab.research.google.com/github/uni/convnets/blob/main/assignments/x/y.ipynb"
    assert f"({page})" in nb.cells[0].source.splitlines()[2]
    setup = next(cell.source for cell in nb.cells if cell.id == "setup")
    assert f'REPOSITORY = "git+{address}"' in setup
    twice = nbformat.writes(nb)
    assert nbformat.writes(stamped(nb, address, "assignments/x/y.ipynb")) == twice
    assert nbformat.writes(stamped(nb, "", "assignments/x/y.ipynb")) == before


def test_assignments_are_the_release_of_solutions(tmp_path):
    for name in ("solutions", "tables"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    course = CourseFolder(tmp_path)
    for assignment in OURS:
        (path,) = (ROOT / "assignments" / assignment).glob("*.ipynb")
        stamp = re.search(r'REPOSITORY = \\"(?:git\+)?(.*?)\\"', path.read_text())[1]
        release(course, assignment, stamp)
    fresh = {
        p.relative_to(tmp_path): p.read_text() for p in (tmp_path / "assignments").rglob("*.*")
    }
    here = {p.relative_to(ROOT): p.read_text() for p in (ROOT / "assignments").rglob("*.*")}
    here = {
        path: text
        for path, text in here.items()
        if path.parts[1] in OURS and ".ipynb_checkpoints" not in path.parts
    }
    assert fresh == here, "assignments/ is not the release of solutions/. Run: make release"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_release_holds_no_answers_and_no_hidden_tests(path):
    text = (ROOT / "assignments" / path.relative_to(ROOT / "solutions")).read_text()
    assert "BEGIN SOLUTION" not in text and "BEGIN HIDDEN" not in text
    assert "NotImplementedError" in text


def test_no_assignment_hands_out_what_another_asks_for():
    """Neither an answer's text nor a function of its name and arguments."""
    assert house.handed_out({path.stem: nbformat.read(path, 4) for path in SOURCES}) == []


def test_the_start_page_leads_to_every_lecture_and_assignment():
    text = (ROOT / "start.ipynb").read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)]+)\)", text))
    assert {
        p.relative_to(ROOT).as_posix() for p in NOTEBOOKS if "solutions" not in p.parts
    } <= links
    assert all((ROOT / link).exists() for link in links), "a link leads nowhere"
