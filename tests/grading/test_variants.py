"""Variants: each student has a network of their own, and the grader alone knows whose is which."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import course
from course.anatomy import anatomy
from course.check.card import Card
from course.cli import main
from course.diagnosis import nearest
from course.diagnosis.causes import Cause
from course.grading import CourseError, pack, variants
from course.grading.folder import CourseFolder
from course.grading.grade import job_of
from course.grading.results import read_result
from course.grading.verdict.swapped import Variants
from course.grading.verdict.testcell import CellVerdict
from course.kit import variant
from course.kit.tables import given
from tests.classroom import ROOT
from tests.importers import Moodle
from tests.made_up import KERNEL
from tests.school import cell

FAMILY = """from course.architectures import Table, conv, dense

def variant(draw):
    rows = (
        conv("C1", draw(*range(2, 30)), draw(1, 3, 5), padding="same"),
        conv("C2", draw(*range(2, 30)), draw(1, 3, 5)),
        dense("out", draw(*range(2, 30))),
    )
    return Table("tiny network", "made up here", (9, 9, draw(1, 2, 3)), rows)
"""
IMPORTS = "import keras\nfrom keras import layers\n\nfrom course import check"
MAPS = "# Exercise maps (2 points)\ncheck.value(maps, course.variant().rows[0].filters)"
BUILD = """# Exercise build (4 points)
mine = course.variant()
check.model(net, input_shape=mine.input_shape, like=mine)
### BEGIN HIDDEN TESTS
check.model(net, input_shape=(12, 14, 3), like=mine)
### END HIDDEN TESTS"""
SOLVED = {
    "maps-answer": "maps = course.variant().rows[0].filters",
    "build-answer": """def net(input_shape):
    inputs = keras.Input(input_shape)
    _, *rows, last = course.variant().rows
    x = layers.Conv2D(maps, course.variant().rows[0].kernel, padding="same")(inputs)
    for row in rows:
        x = layers.Conv2D(row.filters, row.kernel)(x)
    return keras.Model(inputs, layers.Dense(last.filters)(layers.Flatten()(x)))""",
}
CLASS = "ada", "bob", "eve"


def source(code="VARY-NET3"):
    """A notebook with two exercises; the second one uses the answer of the first."""
    locked = {"locked": True}
    answers = {
        name: f"# {name}\n### BEGIN SOLUTION\n{text}\n### END SOLUTION"
        for name, text in SOLVED.items()
    }
    cells = [
        new_markdown_cell("# Tiny", id="title"),
        cell(new_code_cell, "import course\n\ncourse.setup()", "setup", **locked),
        cell(new_code_cell, IMPORTS, "imports", **locked),
        new_code_cell(f'course.variant("{code}")', id="code"),
        cell(new_code_cell, answers["maps-answer"], "maps-answer", solution=True),
        cell(new_code_cell, MAPS, "maps", 2, grade=True, **locked),
        cell(new_code_cell, answers["build-answer"], "build-answer", solution=True),
        cell(new_code_cell, BUILD, "build", 4, grade=True, **locked),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


class Course:
    """A course folder with an assignment `hw` of variants."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
        (folder / "variant.key").write_text("ab" * 32)  # the same codes in each run
        (folder / "solutions/hw/tables").mkdir(parents=True)
        (folder / "solutions/hw/tables/variant.py").write_text(FAMILY)
        self.write(source())

    def write(self, nb):
        nbformat.write(nb, self.folder / "solutions/hw/p1.ipynb")

    def run(self, command, *arguments):
        return main([command, "--course", str(self.folder), *map(str, arguments)])

    def code(self, student):
        return variants.code(self.folder, "hw", student)

    def numbers(self, student):
        """(maps, kernel, maps, kernel, units, channels) of a student's variant."""
        with given({"variant": FAMILY}):
            return variant.drawn(self.code(student))[1]

    def answered(self, student, code=None, **other):
        """The release as a student answers it by hand; `other` are the numbers that are wrong."""
        names = "maps", "kernel", "second", "second_kernel", "units", "channels"
        of = dict(zip(names, self.numbers(student), strict=True)) | other
        nb = nbformat.read(self.folder / "assignments/hw/p1.ipynb", 4)
        at(nb, "code").source = f'course.variant("{self.code(student) if code is None else code}")'
        at(nb, "maps-answer").source = f"maps = {of['maps']}"
        at(nb, "build-answer").source = f"""
def net(input_shape):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(maps, {of["kernel"]}, padding="same")(inputs)
    x = layers.Conv2D({of["second"]}, {of["second_kernel"]})(x)
    return keras.Model(inputs, layers.Dense({of["units"]})(layers.Flatten()(x)))
"""
        return nb

    def hand_in(self, student, nb):
        folder = self.folder / "submitted" / student / "hw"
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / "p1.ipynb")

    def result(self, student):
        found = read_result(CourseFolder(self.folder), "hw", student)
        assert found.failed is None, found.failed
        return found


def at(nb, name):
    return next(each for each in nb.cells if each.id == name)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"))
    assert course.run("release", "--no-trial", "hw") == 0
    roster = course.folder / "class.csv"
    people = "".join(f"{id_},{id_.title()} Who,{id_}@x.org\n" for id_ in CLASS)
    roster.write_text(f"student_id,name,email\n{people}")
    assert course.run("variants", "hw", "--roster", roster) == 0
    return course


# --- attacks: each as eve, with the network of bob


def names_another_code(nb, course):
    at(nb, "code").source = f'CODE = "{course.code("bob")}"\ncourse.variant(CODE)'


def patches_the_course(nb, course):
    at(nb, "code").source = f"""
import course.kit.variant as own, hmac, hashlib, os
table = course.variant("{course.code("bob")}")
own.official = own.drawn = course.variant = lambda *a, **k: table
own._NOW["official"] = "{course.code("bob")}"
hmac.digest = hmac.new = lambda *a, **k: b"0" * 32
os.environ["COURSE_STUDENT"] = os.environ["JUPYTERHUB_USER"] = "bob"
check.model = check.value = lambda *a, **k: None
"""


def brings_another_family(nb, course):
    text = FAMILY.replace("draw(*range(2, 30))", "7")
    nb.cells.insert(3, new_code_cell(f"course.tables(variant={text!r})"))
    at(nb, "tables").source = f"import course\ncourse.tables(variant={text!r})"
    nb.metadata["course"] = {"code": course.code("bob"), "student": "bob"}
    nb.metadata["nbgrader"] = {"student": "bob"}


SWAPPED = names_another_code, patches_the_course, brings_another_family

#: Own code, and an answer that would be right for everybody.
FOR_ALL = {
    "reads-the-table": SOLVED["build-answer"].replace("def net(", "def  net("),
    "makes-the-table": """
from tables.variant import variant as made
def net(input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(made(min).rows[2].filters)(inputs))
""",
    "reads-the-module": SOLVED["build-answer"].replace("course.", "course.kit.variant."),
    "takes-the-output": "mine = _\n" + SOLVED["build-answer"].replace("course.variant()", "mine"),
}


def test_only_the_students_own_variant_is_right(released):
    here, students = released, {"ada": 6, "bob": 6}
    here.hand_in("ada", here.answered("ada"))
    here.hand_in("bob", here.answered("bob", code=""))  # the code is for the notebook alone
    for attack in SWAPPED:
        name = attack.__name__
        nb = here.answered("bob", code=here.code(name))
        attack(nb, here)
        here.hand_in(name, nb)
        students[name] = 0
    for name, text in FOR_ALL.items():
        nb = here.answered(name)
        at(nb, "build-answer").source = text
        here.hand_in(name, nb)
        students[name] = 2
    here.hand_in("slip", here.answered("slip", units=here.numbers("slip")[4] + 1))
    here.hand_in("follows", here.answered("follows", maps=1))
    here.hand_in("untouched", nbformat.read(here.folder / "assignments/hw/p1.ipynb", 4))
    students |= {"slip": 2, "follows": 4, "untouched": 0}
    assert here.run("grade", "hw") == 0
    assert {student: here.result(student).score for student in students} == students

    def said(student):
        return {name: messages[0] for name, _, messages in here.result(student).lost}

    for name in ("names_another_code", "patches_the_course"):
        mine = here.code(name)
        told = f"This is another variant's network. Yours has the code {mine}, and"
        assert len(said(name)) == 2 and all(told in text for text in said(name).values())
        assert here.code("bob") not in str(said(name))
    # With the own code in it, the network is looked for among those of the class.
    found = said("brings_another_family")
    assert "This is another variant's network." in found["build"]
    assert "another variant" not in found["maps"]
    for name in FOR_ALL:
        # A network that is wrong, whoever made it, is told what is wrong with it.
        wanted = "The kernel is" if name == "makes-the-table" else "It comes from"
        assert wanted in said(name)["build"], said(name)
    assert "outputs. It needs" in said("slip")["build"] and "variant's" not in said("slip")["build"]
    ((name, remark),) = here.result("follows").remarks
    assert name == "build" and remark.startswith("Judged with the official maps")
    assert all("There is no answer yet" in text for text in said("untouched").values())
    assert here.run("feedback", "hw", "--student", "names_another_code") == 0
    page = (here.folder / "feedback/names_another_code/hw/p1.html").read_text()
    assert f"Yours has the code {here.code('names_another_code')}" in page
    # Nothing is graded twice, and the formgrader judges by the same codes.
    api = CourseFolder(here.folder).api
    for student in ("bob", "names_another_code"):
        assert api.autograde("hw", student, force=True)["success"]
        assert here.result(student).score == students[student]


def test_a_pack_knows_the_class_and_holds_no_key(released, tmp_path, capsys):
    packed, path = str(tmp_path / "hw.course"), str(tmp_path / "p1.ipynb")
    roster = tmp_path / "more.csv"
    roster.write_text("student_id,name,email\nTwin,Twin A,t@x.org\ntwin,Twin B,T@x.org\n")
    assert released.run("variants", "hw", "--roster", roster) == 0
    assert released.run("pack", "hw", "--to", packed) == 0
    said = capsys.readouterr().out
    assert "with the student's id and e-mail address: keep it where" in said
    assert "knows them by their ids alone: T@x.org, t@x.org\n" in said
    job = pack.read(packed)
    assert {"ada@x.org", "Twin", "twin"} < {*job.codes} and not {"t@x.org", "T@x.org"} & {
        *job.codes
    }
    for names, student in (
        (["t@x.org", "twin"], "twin"), (["Twin"], "Twin"), (["TWIN", "ADA"], "ada"), ([], None),
    ):  # fmt: skip
        assert job.student_among(names) == student
    assert (released.folder / "variant.key").read_text() not in str(_about(packed))
    nbformat.write(released.answered("ada"), path)
    capsys.readouterr()
    named = ["--student", "nobody", "--student", "Ada@X.org"]
    assert main(["judge", "--pack", packed, *named, path]) == 0
    assert json.loads(capsys.readouterr().out)["score"] == 6
    for wrong, said in (([], "none is named"), (named[:2], "the student 'nobody' is not known")):
        shown = tmp_path / "results.json"
        to = ["--format", "gradescope", "--to", str(shown)]
        assert main(["judge", "--pack", packed, *wrong, *to, path]) == 1
        error = capsys.readouterr().err
        assert said in error and "nothing was judged" in error
        assert "The grader does not know you yet" in shown.read_text()
        assert "--student" not in shown.read_text()


def test_no_pack_that_students_can_read_is_written(released, tmp_path, capsys):
    for command, arguments, said in (
        ("workflow", [], "students could read those there"),
        ("classroom50", [], "students could read those there"),
        ("coursera", [], "Coursera does not tell its grader whose submission it is"),
        ("prairielearn", ["--image", "a/b"], "PrairieLearn does not tell its grader whose"),
    ):
        assert released.run(command, "hw", "--to", tmp_path / "out", *arguments) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_gradescope_says_whose_submission_it_is(released, tmp_path):
    made = tmp_path / "autograder.zip"
    assert released.run("gradescope", "hw", "--to", made) == 0
    with zipfile.ZipFile(made) as file:
        program, setup = (file.read(name).decode() for name in ("run_autograder", "setup.sh"))
        assert "It also holds the code of each student's variant" in file.read("README.md").decode()
    assert '--student "the solution" solved' in setup
    about = tmp_path / "submission_metadata.json"
    users = [{"id": 1, "email": "eve @x.org", "name": "Eve"}, {"sid": "77", "email": "a@x.org"}]
    about.write_text(json.dumps({"users": users}))
    lines = program[program.index("mapfile") : program.index("# Nothing of the submission")]
    lines = lines.replace("/opt/course/bin/python", sys.executable)
    lines = lines.replace("/autograder/submission_metadata.json", str(about))
    shown = subprocess.run(
        ["bash", "-c", lines + '\nprintf "%s\\n" "${students[@]}"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.splitlines() == [
        "--student=eve @x.org", "--student=77", "--student=a@x.org",
    ]  # fmt: skip
    assert '"${students[@]}" /autograder/submission' in program


# --- a network that is merely wrong


class AsATest:
    """The test cell of an exercise, asked in this process."""

    name, source = "build", "check.model(net, like=course.variant())"

    def __init__(self, table):
        self.built = anatomy(table)

    def judged(self, ask=None):
        table, findings = nearest(self.built, course.variant())
        return CellVerdict(findings, "card", failed=Card("net()", findings, table, self.built))


def test_a_slip_that_gives_the_network_of_a_classmate_is_no_swap():
    """Networks that differ in one draw or in two are nobody's proof."""
    family = """from course.architectures import Table, conv, dense
def variant(draw):
    rows = conv("C1", draw(2, 3), 3), conv("C2", draw(4, 5), 3), dense("out", draw(6, 7))
    return Table("net", "made up", (9, 9, 1), rows)
"""
    codes = [variant.code_of(number) for number in range(100)]
    with given({"variant": family}):
        own, drawn = codes[0], {code: variant.drawn(code) for code in codes}
        for code, (table, values) in drawn.items():
            apart = sum(a != b for a, b in zip(drawn[own][1], values, strict=True))
            nb = new_notebook(cells=[new_code_cell(f'course.variant("{own}")')])
            with variant.official(own):
                test = AsATest(table)
                verdict = test.judged()
                if verdict.findings:
                    Variants(own, codes[1:], nb).explain(test, verdict, None)
            told = [found.cause for found in verdict.findings] == [Cause.OTHER_VARIANT]
            assert told == (apart == 3), code


@pytest.mark.parametrize(
    "text, told",
    [
        ('x = "a hand-made CAFFENET of all statuses"  # farthest', False),
        ("statuses = caffenet = 3", False),
        ('name = "hand-made"', False),
        ("course.variant(", False),
        ('# course.variant("{other}")', False),
        ('course.variant("{other}")', True),
        ('mine = variant(" {other} ")', True),
        ('course.variant("{other}")\nown = "{own}"', False),
    ],
)
def test_only_a_code_that_the_notebook_uses_is_told(text, told):
    own, other, third = (variant.code_of(number) for number in (7, 8, 9))
    text = text.format(own=own.replace("-", " "), other=other.lower())
    with given({"variant": FAMILY}), variant.official(own):
        test = AsATest(variant.drawn(third)[0])
        verdict = test.judged()
        Variants(own, [], new_notebook(cells=[new_code_cell(text)])).explain(test, verdict, None)
    said = f"The notebook names the code {other}. Yours is {own}."
    assert verdict.findings[0].message.endswith(said) == told, verdict.findings[0].message
    assert told or "names the code" not in verdict.findings[0].message


# --- the key, and the codes of a class


def test_the_key_is_made_once_and_never_replaced(released, tmp_path, capsys, monkeypatch):
    path = released.folder / "variant.key"
    assert path in CourseFolder(released.folder).private()
    before = released.code("ada")
    assert released.run("variants", "hw") == 0 and released.code("ada") == before
    with pytest.raises(CourseError, match="the key from which the codes of the variants follow"):
        variants.code(tmp_path, "hw", "ada")
    variants.key(tmp_path, make=True)
    made = variants.code(tmp_path, "hw", "ada")
    variants.key(tmp_path, make=True)
    assert variants.code(tmp_path, "hw", "ada") == made != before
    assert os.stat(tmp_path / "variant.key").st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["variant.key"]
    (tmp_path / "variant.key").write_text("abc")
    with pytest.raises(CourseError, match="Take it back from a backup"):
        variants.key(tmp_path, make=True)
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(CourseError, match="a new key gives everybody another code"):
            job_of(CourseFolder(released.folder), "hw")
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
        released.run("similar", "hw")  # which judges nobody
        assert "variant.key" not in capsys.readouterr().err
    finally:
        path.with_suffix(".away").rename(path)
    others = {variants.code(released.folder, a, s) for a in ("hw", "hw2") for s in CLASS}
    assert len(others) == 6


def test_of_two_processes_that_make_the_key_one_wins(tmp_path, monkeypatch):
    fsync, other = os.fsync, []

    def meanwhile(number):
        assert not (tmp_path / "variant.key").exists()  # it never holds a part of a key
        monkeypatch.setattr(os, "fsync", fsync)
        other.append(variants.key(tmp_path, make=True))

    monkeypatch.setattr(os, "fsync", meanwhile)
    assert variants.key(tmp_path, make=True) == other[0] == variants.key(tmp_path)


def test_the_codes_of_a_class_are_written_for_the_lms(released, tmp_path, capsys):
    assert released.run("variants", "hw") == 0
    said = capsys.readouterr().out
    assert all(f"{released.code(student)}  {student}\n" in said for student in CLASS)
    assert " networks: 3 rows, " in said and "MACs (×" in said
    assert released.run("variants", "hw", "--to", tmp_path / "codes.csv") == 0
    with (tmp_path / "codes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert rows["eve"]["code"] == released.code("eve") and rows["eve"]["email"] == "eve@x.org"
    sheet = Moodle({"7": ("Ada Who", "ada"), "8": ("Eve Who", "eve"), "9": ("No Body", "")}, 6)
    own, filled = tmp_path / "own.csv", tmp_path / "filled.csv"
    own.write_text(sheet.text())
    assert released.run("variants", "hw", "--fill", own, "--to", filled) == 0
    sheet.take(filled.read_text())
    assert released.code("ada") in sheet.grades["7"][2]
    assert released.code("eve") in sheet.grades["8"][2]
    own.write_text("Student,ID,Section,hw\nRoe,7,A,\n")
    assert released.run("variants", "hw", "--fill", own, "--to", filled) == 1
    assert "has no column for a comment" in capsys.readouterr().err


def test_codes_for_a_worksheet_without_ids(tmp_path, capsys):
    """Before the release, too; in the students' language, and by the ids of `course collect`."""
    here = Course(tmp_path)
    with (tmp_path / "nbgrader_config.py").open("a") as config:
        config.write('\nc.Stamp.language = "de"\n')
    sheet = Moodle({"7": ("Ada Who", ""), "8": ("Eve Who", "")}, 6)
    own, filled = tmp_path / "own.csv", tmp_path / "filled.csv"
    own.write_text(sheet.text())
    to = ["--fill", own, "--to", filled]
    assert here.run("variants", "hw", "--roster", own, *to) == 0
    assert "filled.csv (2 students)" in capsys.readouterr().out
    sheet.take(filled.read_text())
    assert sheet.grades["8"][2] == f"Der Code deiner Variante: {here.code('evewho')}"
    filled.unlink()
    own.write_text(Moodle({"9": ("No Body", "")}, 6).text())
    assert here.run("variants", "hw", *to) == 1 and not filled.exists()
    assert "None of the 2 students of the gradebook is in" in capsys.readouterr().err
    own.write_text("student_id,email\n,\n ,\n")
    assert here.run("variants", "hw", "--roster", own) == 1
    assert "Nobody of the class could be read from" in capsys.readouterr().err


# --- what cannot be released, and what is as it was


def test_the_release_asks_for_a_code_and_holds_none(released):
    nb = nbformat.read(released.folder / "assignments/hw/p1.ipynb", 4)
    assert at(nb, "code").source == 'course.variant("")'
    assert "VARY-NET3" not in nbformat.writes(nb)
    assert f"variant=r'''{FAMILY}'''" in at(nb, "tables").source


def without_a_code(course):
    nb = source()
    del nb.cells[3]
    course.write(nb)


def with_a_wrong_code(course):
    course.write(source("VARY-NETS"))


def without_a_table(course):
    (course.folder / "solutions/hw/tables/variant.py").write_text(
        "def variant(draw):\n    return 7"
    )


def with_two_codes(course):
    nbformat.write(source("D624-P7JG"), course.folder / "solutions/hw/p2.ipynb")


@pytest.mark.parametrize(
    "flaw, said",
    [
        (with_two_codes, "different codes (VARY-NET3 in p1.ipynb, D624-P7JG in p2.ipynb)"),
        (without_a_code, "no cells that students can change have a line such as course.variant("),
        (with_a_wrong_code, "the cell code names no code. 'VARY-NETS' is nobody's code"),
        (without_a_table, "variant(draw) in tables/variant.py should return a Table"),
    ],
)
def test_a_source_that_cannot_vary_is_not_released(tmp_path, capsys, flaw, said):
    made = Course(tmp_path)
    flaw(made)
    assert made.run("release", "--no-trial", "hw") == 1
    assert said in capsys.readouterr().err


def test_an_assignment_without_variants_has_no_codes(tmp_path, capsys):
    made, nb = Course(tmp_path), source()
    del nb.cells[3]
    at(nb, "maps").source = "# Exercise maps (2 points)\ncheck.value(maps, 3)"
    at(nb, "build").source = "# Exercise build (4 points)\ncheck.value(net, 3)"
    for name in SOLVED:
        at(nb, name).source = "### BEGIN SOLUTION\nmaps = net = 3\n### END SOLUTION"
    made.write(nb)
    assert made.run("release", "--no-trial", "hw") == 0
    job = job_of(CourseFolder(tmp_path), "hw")
    assert job.codes is None and "codes" not in json.loads(_about(io.BytesIO(pack.packed(job))))
    assert made.run("variants", "hw") == 1
    assert "hw has no variants: no locked cell of its source calls" in capsys.readouterr().err


def test_no_pack_without_a_class(tmp_path, capsys):
    made = Course(tmp_path)
    assert made.run("release", "--no-trial", "hw") == 0
    assert made.run("pack", "hw", "--to", tmp_path / "hw.course") == 1
    assert "course variants hw --roster class.csv" in capsys.readouterr().err
    assert not (tmp_path / "hw.course").exists()


def _about(pack):
    with zipfile.ZipFile(pack) as file:
        return file.read("pack.json")


def test_a_new_assignment_with_variants_is_as_its_bank_says(tmp_path, capsys):
    assert main(["new", "--course", str(tmp_path), "10-small", "--variants"]) == 0
    assert main(["try", "--course", str(tmp_path), "10-small"]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "✗" not in said and said.count("✓ the solution of variant") == 2
    assert not (tmp_path / "variant.key").exists()
