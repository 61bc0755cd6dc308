"""Notebooks as they lie in git: clean, and the assignments are the release of the solutions."""

import ast
import json
import re
import shutil

import nbformat
import pytest

from course.grading.folder import CourseFolder
from course.grading.out.publish import _SECRET, _SHORT, _plain
from course.grading.out.release import release, source_problems, stamped
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
            assert len(source.splitlines()) <= 40, where
        assert not {"id", "outputId", "colab"} & cell["metadata"].keys(), where
    assert text.endswith("}\n")
    assert not re.search(r"@[A-Z]+@|TODO", text), "something is still to be filled in"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_source_can_be_released(path):
    assert source_problems(path) == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_points_stand_in_the_headings(path):
    """The points of the exercises in the headings are those of their cells."""
    nb = nbformat.read(path, 4)
    said, points = None, {}
    for cell in nb.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = cell.source.splitlines()[0]
            said = heading if " points)" in heading else None
            if said:
                points[said] = 0
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade"):
            points[said] += meta["points"]
    for heading, total in points.items():
        assert f"({total} points)" in heading
    assert sum(points.values()) == 100


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_exercise_has_its_five_parts(path):
    """Goal, Derive, Build, Check (a locked cell, or a person), and What you should see."""
    heading, parts = None, {}
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            first = cell.source.splitlines()[0]
            if first.startswith("## "):
                heading = first if " points)" in first else None
                parts.update({heading: []} if heading else {})
            if heading:
                parts[heading] += re.findall(
                    r"^\*\*(Goal|Derive|Build|Check|What you should see)\.\*\*", cell.source, re.M
                )
        elif heading and cell.metadata.get("nbgrader", {}).get("grade"):
            parts[heading].append("Check")
    for heading, found in parts.items():
        assert found[0] == "Goal" and found[-1] == "What you should see", heading
        assert set(found) == {"Goal", "Derive", "Build", "Check", "What you should see"}, heading


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_figure_that_an_assignment_promises_is_drawn(path):
    """The architecture, the cost, what a value sees, filters, maps, curves: in 01 to 06 all."""
    code = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code")
    drawn = set(re.findall(r"figures\.(\w+)\(", code))
    wanted = {"architecture", "cost", "receptive_field", "filters", "feature_maps", "curves"}
    if path.parent.name == "07-comparison":
        wanted = {"bars", "scatter"}
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


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_progress_lists_every_check(path):
    nb = nbformat.read(path, 4)
    (cell,) = (cell for cell in nb.cells if cell.id == "progress")
    listed = ast.literal_eval(cell.source.removeprefix("check.progress(").strip().rstrip(")"))
    checks = [c.metadata.nbgrader for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert listed == {m.grade_id: m.points for m in checks if not m.solution}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_run_all_cells_goes_on_behind_an_open_exercise(path):
    """JupyterLab and nbclient go on behind a cell with this tag, to the progress cell.

    Without the course, or without Keras, there is nothing to go on with.
    """
    for folder in ("solutions", "assignments"):
        nb = nbformat.read(ROOT / folder / path.relative_to(ROOT / "solutions"), 4)
        tags = {c.id: c.metadata.get("tags", []) for c in nb.cells if c.cell_type == "code"}
        stops = {name for name, found in tags.items() if "raises-exception" not in found}
        assert stops == {"setup", "imports", "progress"}, folder


@pytest.mark.parametrize("path", [p for p in NOTEBOOKS], ids=relative)
def test_the_setup_cell_is_the_same_everywhere(path):
    cells = {cell.id: cell.source for cell in nbformat.read(path, 4).cells}
    first = {c.id: c.source for c in nbformat.read(SOURCES[0], 4).cells}["setup"]
    plain = re.compile(r'REPOSITORY = ".*?"|course\.setup\(.*?\)')
    assert plain.sub("", cells["setup"]) == plain.sub("", first)


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
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
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
    given, functions, answers = {}, {}, []
    for path in SOURCES:
        for cell in nbformat.read(path, 4).cells:
            meta = cell.metadata.get("nbgrader", {})
            made = [] if cell.cell_type != "code" else ast.parse(cell.source).body
            made = [f"{n.name}({ast.unparse(n.args)})" for n in made if hasattr(n, "args")]
            if meta.get("solution"):
                answers += [(path.stem, text) for text in made]
            elif not meta.get("grade"):
                functions.update((text, path.stem) for text in made)
    assert [text for text in answers if text[1] in functions] == []
    for path in NOTEBOOKS:
        if "assignments" in path.parts:
            cells = nbformat.read(path, 4).cells
            given[path.stem] = _plain("\n".join(cell.source for cell in cells))
    for path in SOURCES:
        for cell in nbformat.read(path, 4).cells:
            for what, secret in _SECRET.findall(cell.source):
                found = [name for name, text in given.items() if _plain(secret) in text]
                assert len(_plain(secret)) < _SHORT or not found, (path.stem, cell.id, what)


def test_the_start_page_leads_to_every_lecture_and_assignment():
    text = (ROOT / "start.ipynb").read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)]+)\)", text))
    assert {
        p.relative_to(ROOT).as_posix() for p in NOTEBOOKS if "solutions" not in p.parts
    } <= links
    assert all((ROOT / link).exists() for link in links), "a link leads nowhere"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_check_that_a_student_sees_holds_a_reference(path):
    """Else it could be copied; the answers to the cases shown are written down instead."""
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            for call in ast.walk(ast.parse(cell.source.split("### BEGIN HIDDEN")[0])):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "check.function":
                    assert "like" not in [keyword.arg for keyword in call.keywords], cell.id


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_grading_asks_all_that_a_students_own_run_asks(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert "NBGRADER_EXECUTION" not in cell.source


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_check_overwrites_an_answer(path):
    """Else a check that was passed fails when it is run once more."""
    checks = [
        ast.parse(cell.source.split("### BEGIN HIDDEN")[0])
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    ]
    answers, written = set(), set()
    for node in (node for tree in checks for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("check."):
            answers.add(ast.unparse(node.args[0]))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            written.add(node.id)
        if isinstance(node, ast.FunctionDef):
            written.add(node.name)
    assert answers and not answers & written


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_colab_is_asked_for_a_gpu_where_one_helps(path):
    """Where real data are trained on; a GPU that lies idle would be taken from somebody else."""
    for folder in ("solutions", "assignments"):
        nb = nbformat.read(ROOT / folder / path.relative_to(ROOT / "solutions"), 4)
        code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
        trains = bool(re.search(r'data\.load\(\s*"(mnist|cifar10)"', code))
        assert (nb.metadata.get("accelerator") == "GPU") == trains, folder
