"""An instructor's own table: from a file to a released notebook, and into every verdict."""

import json
import subprocess
import sys
from copy import deepcopy

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.cli import main
from course.grading import grade
from course.grading.folder import CourseFolder
from course.grading.notebook import tables
from course.grading.out import publish
from course.grading.results import read_result
from course.grading.verdict.testcell import imports_of
from course.kit.tables import given
from course.notebook.official import official_of
from tests.classroom import ROOT
from tests.made_up import KERNEL, locked
from tests.school import cell

TINY = '''"""A table with \'\'\', \\\\n, "quotes", a %magic, a ? and an umlaut: ü."""

from course.architectures import Table, dense

from .rows import first, ten

#: Each "\\t" stands for itself.
TINY = Table("tiny network", "made up here", (8, 8, 1), (first("C1"), dense("out", ten)))
'''
ROWS = """from course.architectures import conv

ten = 10


def first(name):
    return conv(name, 4, 3)
"""
IMPORTS = """import keras
from keras import layers

from course import check
from tables.tiny import TINY"""
RIGHT = """def net():
    inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D({filters}, 3)(inputs))
    return keras.Model(inputs, layers.Dense(10)(x))"""
TEST = "# Exercise build ({} points)\ncheck.model(net, like=TINY)"


def source(imports=IMPORTS, filters=4):
    """A notebook with one exercise, which is judged by the table `tiny`."""
    locked = {"locked": True}
    answer = f"### BEGIN SOLUTION\n{RIGHT.format(filters=filters)}\n### END SOLUTION"
    cells = [
        new_markdown_cell("# Tiny", id="title"),
        cell(new_code_cell, "import course\n\ncourse.setup()", "setup", **locked),
        cell(new_code_cell, imports, "imports", **locked),
        cell(new_code_cell, answer, "build-answer", solution=True),
        cell(new_code_cell, TEST.format(6), "build", 6, grade=True, **locked),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


class Course:
    """A course folder with the tables `tiny` and `rows`, and an assignment `hw`."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tables").mkdir()
        (folder / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
        self.table("tiny", TINY)
        self.table("rows", ROWS)
        self.write(source())

    def table(self, name, text):
        (self.folder / "tables" / f"{name}.py").write_text(text, encoding="utf-8")

    def write(self, nb, assignment="hw"):
        (self.folder / "solutions" / assignment).mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, self.folder / "solutions" / assignment / "p1.ipynb")

    def run(self, command, *arguments):
        return main([command, "--course", str(self.folder), *map(str, arguments)])

    def released(self, assignment="hw"):
        return nbformat.read(self.folder / "assignments" / assignment / "p1.ipynb", 4)

    def answered(self, text=None, assignment="hw"):
        nb = self.released(assignment)
        at(nb, "build-answer").source = RIGHT.format(filters=4) if text is None else text
        return nb

    def hand_in(self, student, nb, assignment="hw"):
        folder = self.folder / "submitted" / student / assignment
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / "p1.ipynb")
        return folder

    def score(self, student, assignment="hw"):
        found = read_result(CourseFolder(self.folder), assignment, student)
        assert found.failed is None, found.failed
        return found.score


def at(nb, name):
    return next(each for each in nb.cells if each.id == name)


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"))
    assert course.run("release", "hw") == 0  # and its solution was tried with its tables
    return course


def test_the_release_holds_the_texts_and_the_source_stays(released):
    nb = released.released()
    assert [each.id for each in nb.cells][:4] == ["title", "setup", "tables", "imports"]
    assert nbformat.read(released.folder / "solutions/hw/p1.ipynb", 4) == source()
    found = at(nb, "tables")
    assert found.metadata.nbgrader.locked and not found.metadata.nbgrader.grade
    assert found.metadata.jupyter.source_hidden and found.metadata.cellView == "form"
    assert tables.texts_in(official_of(nb)) == {"tiny": TINY, "rows": ROWS}
    assert f"rows=r'''{ROWS}''',\n" in found.source  # to be read as it was written
    before = (released.folder / "assignments/hw/p1.ipynb").read_bytes()
    assert released.run("release", "--no-trial", "hw") == 0
    assert (released.folder / "assignments/hw/p1.ipynb").read_bytes() == before
    solution = grade.job_of(CourseFolder(released.folder), "hw").solution["p1"]
    assert dict(solution)["tables"] == found.source
    # A source that was made from a release gets the cell anew, and once.
    again = tables.embedded(deepcopy(nb), released.folder)
    assert [each.id for each in again.cells] == [each.id for each in nb.cells]


@pytest.mark.parametrize(
    "text",
    [
        "", "x = 1", TINY, ROWS, "blanks = 1  \nin lines", "'" * 7, "ends in a quote'",
        "ends in \\", "a = '\\u0041\\N{DIGIT ONE}'\n", "tab\t\x0c\x1c\u2028 and \x00", "r'\''",
        "%%time\n!ls\n?x\n",
    ],
)  # fmt: skip
def test_any_text_comes_back_from_the_cell(text):
    written = tables.written({"one": text, "two": text})
    assert tables.texts_in({"tables": locked("tables", written)}) == {"one": text, "two": text}
    assert TransformerManager().transform_cell(written).strip() == written  # IPython leaves it
    assert all(line == line.rstrip() for line in written.splitlines())  # nor does Colab


def test_the_released_notebook_needs_no_folder(released, tmp_path):
    nb = released.released()
    code = f"{at(nb, 'tables').source}\nfrom tables.tiny import TINY\n"
    code += "from course.anatomy import anatomy\nprint(anatomy(TINY).parameters)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (f"{10 * 4 + 10 * (6 * 6 * 4 + 1)}\n", "")


def test_course_check_sees_a_whole_notebook(released, tmp_path, capsys):
    nbformat.write(released.answered(), tmp_path / "p1.ipynb")
    assert main(["check", str(tmp_path / "p1.ipynb")]) == 0
    nb = released.answered()
    at(nb, "tables").source = forged(nb)
    nbformat.write(nb, tmp_path / "p1.ipynb")
    main(["check", str(tmp_path / "p1.ipynb")])
    assert "The locked cell tables had been changed" in capsys.readouterr().out


# --- grading: by the release's own cell, and by nothing else

WRONG = RIGHT.format(filters=5)
OWN = "import course\ncourse.tables(tiny={tiny!r}, rows={rows!r})\n".format(
    tiny=TINY, rows=ROWS.replace("4, 3", "5, 3")
)


def forged(nb):
    """The text of the notebook's cell with the tables, with another network in it."""
    text = at(nb, "tables").source
    assert "(name, 4, 3)" in text
    return text.replace("(name, 4, 3)", "(name, 5, 3)")


def edited(nb, _):
    at(nb, "tables").source = forged(nb)


def edited_and_unmarked(nb, _):
    edited(nb, _)
    at(nb, "tables").metadata = {}


def replaced_by_own_cell(nb, _):
    nb.cells[2:3] = [new_code_cell(OWN)]


def files_beside(nb, folder):
    (folder / "tables").mkdir()
    for name, text in {"tiny": TINY, "rows": ROWS.replace("4, 3", "5, 3")}.items():
        (folder / "tables" / f"{name}.py").write_text(text, encoding="utf-8")
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "tables.py").write_text("raise SystemExit(0)", encoding="utf-8")


def modules_replaced(nb, _):
    at(nb, "build-answer").source += """
import sys
from course.architectures import Table, conv, dense
TINY = Table("mine", "", (8, 8, 1), (conv("C1", 5, 3), dense("out", 10)))
sys.modules["tables"] = sys.modules["tables.tiny"] = sys.modules[__name__]
check.model = lambda *a, **k: None
"""


def the_finder_replaced(nb, _):
    at(nb, "build-answer").source += f"""
import course, course.kit.tables as own, sys
{OWN}
own.given = own.tables = lambda *a, **k: None
for finder in sys.meta_path:
    finder.texts = {{}}
"""


def built_from_the_table(nb, _):
    at(nb, "build-answer").source = """
from importlib import import_module
def net():
    return import_module("course.grading.tables.keras_" + "model").model_of(TINY)
"""


ATTACKS = (
    edited, edited_and_unmarked, replaced_by_own_cell, files_beside, modules_replaced,
    the_finder_replaced, built_from_the_table,
)  # fmt: skip


def moved_below_the_imports(nb):
    nb.cells.insert(4, nb.cells.pop(2))


def moved_to_the_end(nb):
    nb.cells.append(nb.cells.pop(2))


def deleted(nb):
    del nb.cells[2]


def twice(nb):
    nb.cells.append(deepcopy(nb.cells[2]))


DAMAGE = moved_below_the_imports, moved_to_the_end, deleted, twice


def test_only_the_official_table_judges(released):
    students = {}
    for attack in ATTACKS:
        nb = released.answered(WRONG)
        folder = released.hand_in(attack.__name__, nb)
        attack(nb, folder)
        nbformat.write(nb, folder / "p1.ipynb")
        students[attack.__name__] = 0
    for damage in DAMAGE:
        nb = released.answered()
        damage(nb)
        released.hand_in(damage.__name__, nb)
        students[damage.__name__] = 6
    released.hand_in("right", released.answered())
    released.hand_in("wrong", released.answered(WRONG))
    students |= {"right": 6, "wrong": 0}
    assert released.run("grade", "hw") == 0
    assert {student: released.score(student) for student in students} == students


def test_a_pack_judges_without_the_folder(released, tmp_path, capsys):
    pack, path = tmp_path / "hw.course", tmp_path / "p1.ipynb"
    assert released.run("pack", "hw", "--to", pack) == 0
    solved = source()  # without the cell, as a container is tried when it is set up
    for nb, points in ((released.answered(), 6), (released.answered(WRONG), 0), (solved, 6)):
        nbformat.write(nb, path)
        capsys.readouterr()
        assert main(["judge", "--pack", str(pack), str(path)]) == 0
        assert json.loads(capsys.readouterr().out)["score"] == points


def test_tables_of_two_assignments_and_of_two_releases_do_not_mix(course, monkeypatch):
    """All in this one process, as in the formgrader."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "tables"]:
        monkeypatch.delitem(sys.modules, name)  # a test of `course table` imported it
    course.write(source(filters=5), "other")
    beside = course.folder / "solutions" / "other" / "tables"
    beside.mkdir()
    (beside / "rows.py").write_text(ROWS.replace("4, 3", "5, 3"))  # and tiny.py from the course
    assert course.run("release", "--no-trial", "hw", "other") == 0
    for assignment in ("hw", "other"):
        for filters in (4, 5):
            nb = course.answered(RIGHT.format(filters=filters), assignment)
            course.hand_in(f"f{filters}", nb, assignment)
    folder = CourseFolder(course.folder)

    def points(assignment, student):
        done = folder.api.autograde(assignment, student, force=True)
        assert done["success"], done["log"]
        return course.score(student, assignment)

    assert [points(a, s) for s in ("f4", "f5") for a in ("hw", "other")] == [6, 0, 0, 6]
    course.table("rows", ROWS.replace("4, 3", "5, 3"))
    assert points("hw", "f4") == 6  # what was released counts
    (said,) = grade._notices(folder, grade.job_of(folder, "hw"), [])
    assert "was changed after its release (tables/rows.py)" in said
    course.write(source(filters=5))
    assert course.run("release", "--no-trial", "hw") == 0
    assert [points("hw", "f4"), points("hw", "f5")] == [0, 6]
    assert "tables" not in sys.modules


# --- what cannot be released


def refused(course, capsys):
    capsys.readouterr()
    assert course.run("release", "--no-trial", "hw") == 1
    assert not (course.folder / "assignments").exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("tiny", None, "imports tables.tiny, and there is no file tables/tiny.py"),
        ("rows", None, "tables/tiny.py imports tables.rows, and there is no file tables/rows.py"),
        ("rows", "def first(:", "tables/rows.py, line 1 is not Python (invalid syntax)."),
        ("rows", "ten = 10\n", "cannot import name 'first'"),
        ("rows", "ten = 1 / 0\n", "tables/rows.py stops in line 1 with ZeroDivisionError"),
        ("rows", "import pandas\n", "tables/rows.py imports pandas (line 1), which students may"),
        ("rows", "from course import grading\n", "imports course.grading (line 1), which students"),
        ("rows", "import course.grading.grade\n", "course.grading.grade (line 1), which students"),
        ("rows", "### BEGIN SOLUTION\n", "tables/rows.py holds ### BEGIN SOLUTION, and students"),
        ("tiny", "VERY = 1\n", "`from tables.tiny import TINY` fails with ImportError"),
    ],
)
def test_a_table_that_students_could_not_use_stops_the_release(course, capsys, name, text, said):
    if text is None:
        (course.folder / "tables" / f"{name}.py").unlink()
    else:
        course.table(name, text)
    assert said in refused(course, capsys)


def test_a_wrong_name_is_answered_with_the_names_that_are_there(course, capsys):
    course.write(source(IMPORTS.replace("TINY", "TINI")))
    assert "It has the tables TINY." in refused(course, capsys)


def test_an_import_in_a_cell_that_is_not_read_only_stops_the_release(course, capsys):
    nb = source()
    at(nb, "imports").metadata = {}
    course.write(nb)
    assert "the cell imports imports tables and is not read-only" in refused(course, capsys)


def test_the_grade_id_of_the_tables_is_theirs(course, capsys):
    nb = source()
    at(nb, "imports").metadata.nbgrader.grade_id = "tables"
    course.write(nb)
    assert "the grade id tables is that of the cell with the tables" in refused(course, capsys)


@pytest.mark.parametrize(
    "imports, said",
    [
        (IMPORTS.replace("TINY", "*"), "name what is imported"),
        (f"import course\n{IMPORTS}\ncourse.setup()", "Import them in a cell below that one."),
    ],
)
def test_an_import_that_the_grader_would_miss_stops_the_release(course, capsys, imports, said):
    nb = source(imports)
    if "setup()" in imports:
        del nb.cells[1]
    course.write(nb)
    assert said in refused(course, capsys)


@pytest.mark.parametrize(
    "imports",
    ["from tables.tiny import TINY as T", "import tables.tiny", "import tables.tiny as T",
     "from tables import tiny", "%matplotlib inline\nfrom tables.tiny import TINY"],
)  # fmt: skip
def test_every_way_of_importing_is_found(course, imports):
    nb = tables.embedded(source(imports), course.folder / "solutions" / "hw")
    assert set(tables.texts_in(official_of(nb))) == {"tiny", "rows"}


def test_a_lecture_that_imports_a_table_takes_it_along(course, tmp_path_factory):
    (course.folder / "notebooks").mkdir()
    lecture = source()
    del lecture.cells[3:]  # no answer of hw may be published
    nbformat.write(lecture, course.folder / "notebooks" / "lecture.ipynb")
    for name in ("start.ipynb", "environment.yml", "docs", *publish._AS_THEY_ARE):
        place = course.folder / name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(ROOT / name)
    copy = tmp_path_factory.mktemp("students") / "copy"
    assert course.run("publish", copy, "hw", "--no-trial") == 0
    for name in ("notebooks/lecture.ipynb", "assignments/hw/p1.ipynb"):
        assert at(nbformat.read(copy / name, 4), "tables").source == tables.written(
            {"tiny": TINY, "rows": ROWS}
        )


def test_two_modules_of_one_name_are_both_there_in_a_test():
    imports = imports_of([locked("imports", "import tables.tiny\nimport tables.rows")])
    with given({"tiny": TINY, "rows": ROWS}):
        names = {}
        exec(imports["tables"], names)
        assert names["tables"].tiny.TINY.rows[0].filters == 4 and names["tables"].rows.ten == 10


def test_a_notebook_without_own_tables_is_left_alone(course):
    nb = source("import tables\nfrom course.architectures.lenet import LENET5")
    assert tables.embedded(deepcopy(nb), course.folder) == nb
