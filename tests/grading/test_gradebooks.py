"""The files that Canvas and Moodle import: whose score, under which number, and nothing else."""

import csv
import re

import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.out.filled import reasons
from course.grading.out.scores import scored
from tests.importers import Brightspace, Canvas, Gradescope, Moodle, table
from tests.inbox import packed
from tests.school import School

WRONG = ("conv2", "PADDING", "It is <valid> & the table has 2.\nOne, two.")


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Two assignments: Ada has both, Bo the second, Cy is absent."""
    folder = tmp_path_factory.mktemp("school")
    first, second = School(folder, "01-conv"), School(folder, "02-lenet")
    first.hand_in("ar1", shapes=[WRONG], manual=4, days_late=3)
    second.hand_in("ar1")
    second.hand_in("bl1", days_late=30)
    first.second = second
    # What was handed in week by week, so that there are numbers.
    roster = folder / "roster.csv"
    for number, one, when in (
        (100, first, (2026, 1, 4, 0, 0, 0)),
        (200, second, (2026, 1, 1, 0, 0, 0)),
    ):
        roster.write_text(
            "Identifier,Full name,ID number\n"
            f"Participant {number},Ada Roe,ar1\nParticipant {number + 1},Bo Li,bl1\n"
            f"Participant {number + 2},Cy Tan,ct1\n"
        )
        content = (folder / "submitted/ar1" / one.assignment / "p1.ipynb").read_bytes()
        path = packed(
            folder / "a.zip",
            [(f"Ada Roe_{number}_assignsubmission_file/p1.ipynb", content, when)],
        )
        assert first.course("collect", str(path), "--roster", str(roster), "--assignment",
                            one.assignment) == 0  # fmt: skip
    return first


def read(path, delimiter=","):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def exported(school, tmp_path, *arguments):
    """{file's stem: rows} of an export into an empty folder."""
    assert school.course("export", "--to", str(tmp_path / "out.csv"), *arguments) == 0
    return {path.stem: read(path) for path in sorted(tmp_path.glob("out*.csv"))}


def test_each_assignment_has_its_own_numbers_in_moodle(school, tmp_path):
    files = exported(school, tmp_path, "--format", "moodle")
    numbers = {name: [row["Identifier"] for row in rows] for name, rows in files.items()}
    assert numbers == {
        "out-01-conv": ["Participant 100", "Participant 101", "Participant 102"],
        "out-02-lenet": ["Participant 200", "Participant 201", "Participant 202"],
    }
    assert files["out-01-conv"][0]["Full name"] == "Roe, Ada"


def test_a_comment_has_all_that_was_lost(school, tmp_path):
    """6 + 2 of 20 points, and 3 for three days."""
    rows = exported(school, tmp_path, "01-conv", "--format", "moodle")["out"]
    assert float(rows[0]["Grade"]) == 20 - 6 - 2 - 3
    assert rows[0]["Feedback comments"].split("<br>") == [
        "−6 shapes: It is &lt;valid&gt; &amp; the table has 2.\\nOne, two.",
        "−2 essay: graded by hand, without a comment",
        "−3 handed in late",
    ]
    # More than there is cannot be lost.
    rows = exported(school, tmp_path, "02-lenet", "--format", "moodle")["out"]
    assert (rows[1]["Grade"], rows[1]["Feedback comments"]) == ("0.0", "−20 handed in late")


def test_a_comment_says_what_a_person_still_grades(tmp_path):
    school = School(tmp_path)
    school.hand_in("ada", manual=None)
    (one,) = scored(CourseFolder(school.folder), ["hw"], ["ada"])
    assert reasons(one) == ["A person still grades essay."]


def test_canvas_never_gets_an_empty_cell_or_moodles_numbers(school, tmp_path, capsys):
    files = exported(school, tmp_path, "--format", "canvas")
    said = capsys.readouterr().out
    assert {name: [row["Student"] for row in rows[1:]] for name, rows in files.items()} == {
        "out-01-conv": ["Roe, Ada"], "out-02-lenet": ["Roe, Ada", "Li, Bo"],
    }  # fmt: skip
    assert [row["ID"] for row in files["out-02-lenet"]] == ["", "", ""]
    assert "Canvas cannot tell who ar1, bl1 are: their numbers are not known" in said
    assert "A file for each assignment" in said
    # Where everybody has all of them, one file is enough.
    one = tmp_path / "one"
    one.mkdir()
    (rows,) = exported(school, one, "--format", "canvas", "--student", "ar1").values()
    assert rows[1]["01-conv"] == "9.0" and rows[1]["02-lenet"] == "20.0"


PEOPLE = {"ar1": ("Roe", "Ada"), "bl1": ("Li", "Bo"), "ct1": ("Tan", "Cy")}
FINAL = {"ar1": {"01-conv": 9, "02-lenet": 20}, "bl1": {"02-lenet": 0}}  # after lateness


def canvas():
    people = {
        str(7 + n): (f"{last}, {first}", id_, first.lower(), '"A", 1 and B')
        for n, (id_, (last, first)) in enumerate(PEOPLE.items())
    }
    lms = Canvas(people, {"Essay (1)": 10, "Conv (41)": 20, "Week 2: LeNet-5 (42)": 20})
    lms.grades["Essay (1)"] = {"7": 5.0, "9": 7.0}
    lms.grades["Conv (41)"] = {"9": 3.0}
    return lms


def filled(school, tmp_path, text, *arguments, encoding="utf-8"):
    """The LMS's file after the export has filled it in, as text; other cells are unchanged."""
    own, to = tmp_path / "own.csv", tmp_path / "filled.csv"
    own.write_bytes(text.encode(encoding))
    assert school.course("export", *arguments, "--fill", str(own), "--to", str(to)) == 0
    assert own.read_bytes() == text.encode(encoding)
    return to.read_bytes().decode(encoding)


def differing(before, after):
    """The pieces of a text that were replaced, cell by cell."""
    a, b = (re.split(r"([,;]|\r?\n)", text) for text in (before, after))
    return [new for old, new in zip(a, b, strict=True) if old != new]


def test_canvas_own_file_is_filled_in(school, tmp_path, capsys):
    lms = canvas()
    text = filled(school, tmp_path, lms.text())
    # Sections, the test student, other assignments, quotes and line ends stay byte for byte.
    assert differing(lms.text(), text) == ["9", "20", "0"]
    assert "cannot tell" not in capsys.readouterr().out
    lms.take(text)
    assert lms.grades == {
        "Essay (1)": {"7": 5.0, "9": 7.0},
        "Conv (41)": {"7": 9.0, "9": 3.0},
        "Week 2: LeNet-5 (42)": {"7": 20.0, "8": 0.0},
    }
    lms.take(filled(school, tmp_path, lms.text(), "02-lenet"))  # a second time, after a regrade
    assert lms.grades["Week 2: LeNet-5 (42)"] == {"7": 20.0, "8": 0.0}


def test_who_is_excused_in_canvas_stays_excused(school, tmp_path, capsys):
    lms = canvas()
    lms.grades["Week 2: LeNet-5 (42)"] = {"8": "EX"}
    # Canvas also has the total of a group of assignments, which may be called like one.
    before = lms.text().replace(",Total\r", ",LeNet Current Score\r")
    after = filled(school, tmp_path, before, "02-lenet")
    assert differing(before, after) == ["20"]
    assert "Excused in Canvas, so not filled in: bl1." in capsys.readouterr().out


def test_a_decimal_point_is_a_comma_where_the_lms_writes_one(tmp_path):
    """A spreadsheet takes 7.5 in such a file for a date."""
    school = School(tmp_path, "02-lenet")
    school.hand_in("ar1", manual=3.5)
    titles = "Student{0}ID{0}SIS User ID{0}SIS Login ID{0}Section{0}02-lenet (4)\n"
    for text, grade in (
        (titles.format(";") + ";;;;;20,00\nRoe, Ada;7;ar1;;;\n", ";17,5"),
        (titles.format(",") + ',,,,,20.00\n"Roe, Ada",7,ar1,,,\n', ",17.5"),
        ("Identifier,ID number,Grade,Maximum\nParticipant 1,ar1,,20.00\n", ",17.5,20.00"),
        ('ID,ID-Nummer,Bewertung,Best\nTeilnehmer/in1,ar1,,"20,00"\n', ',"17,5","20,00"'),
    ):
        assert filled(school, tmp_path, text, "02-lenet").endswith(f"{grade}\n")


def test_a_column_and_a_student_that_are_not_there_are_told(school, tmp_path, capsys):
    lms = canvas()
    text = lms.text().replace("LeNet-5", "five")
    assert differing(text, filled(school, tmp_path, text)) == ["9"]
    assert "not exported: " in capsys.readouterr().out
    own = tmp_path / "own.csv"
    assert school.course("export", "02-lenet", "--fill", str(own)) == 1
    assert "no column that is called like 02-lenet" in capsys.readouterr().err
    text = lms.text().replace("Li, Bo", "Lee, Bob").replace("bl1", "bb1").replace("bo,", "x,")
    assert differing(text, filled(school, tmp_path, text, "02-lenet")) == ["20"]
    assert "so not filled in: bl1" in capsys.readouterr().out
    lms.columns["Conv (41)"] = 10
    filled(school, tmp_path, lms.text())
    said = capsys.readouterr().out
    assert "highest grade of 01-conv in Canvas is 10, and the assignment has 20 points" in said
    assert school.course("export", "--format", "moodle", "--fill", str(own)) == 1
    assert "own.csv comes from Canvas, not from Moodle." in capsys.readouterr().err


def test_what_cannot_be_written_for_an_lms_is_said(tmp_path, capsys):
    school, own = School(tmp_path, "02-lenet"), tmp_path / "own.csv"
    school.hand_in("ar1", manual=None)
    assert school.course("export", "--format", "canvas") == 1
    assert "No score is final yet, so there is nothing to import" in capsys.readouterr().err
    lms = canvas()
    own.write_text(lms.text())
    assert school.course("export", "--fill", str(own), "--to", str(tmp_path / "to.csv")) == 0
    assert (tmp_path / "to.csv").read_text() == own.read_text()  # nothing in it is final either
    lms.columns["LeNet again (43)"], lms.grades["LeNet again (43)"] = 20, {}
    own.write_text(lms.text())
    assert school.course("export", "--fill", str(own)) == 1
    said = "several columns that could be 02-lenet (Week 2: LeNet-5 (42), LeNet again (43))"
    assert said in capsys.readouterr().err


def test_no_column_is_filled_in_from_two_assignments(tmp_path, capsys):
    first, second = School(tmp_path, "02-lenet"), School(tmp_path, "12-lenet")
    first.hand_in("ar1")
    second.hand_in("ar1", shapes=[WRONG])
    own, to, lms = tmp_path / "own.csv", tmp_path / "to.csv", canvas()
    own.write_text(lms.text())
    assert first.course("export", "--fill", str(own), "--to", str(to)) == 1 and not to.exists()
    title = "'Week 2: LeNet-5 (42)'"
    said = f"02-lenet is not the only assignment that could be {title} in {own}. Name one: course"
    assert said in capsys.readouterr().err
    lms.take(filled(first, tmp_path, lms.text(), "12-lenet"))
    assert lms.grades["Week 2: LeNet-5 (42)"] == {"7": 14.0}


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (1),Conv (41),Final\n"
    "    Points Possible,,,,,10,20,(read only)\n"
    '"Roe, Ada",7,ar1,ada,"A, 1",5,,50\n'
)


def test_canvas_roster_gives_names_and_sections(tmp_path):
    school = School(tmp_path)
    school.hand_in("ar1")
    roster = tmp_path / "r.csv"
    roster.write_text(CANVAS)
    content = school.judged("ar1").parents[3] / "submitted/ar1/hw/p1.ipynb"
    path = packed(tmp_path / "a.zip", {"roeada_7_20001_p1.ipynb": content.read_bytes()})
    assert school.course("collect", str(path), "--roster", str(roster)) == 0
    (rows,) = exported(school, tmp_path, "--format", "canvas").values()
    assert list(rows[1].values()) == ["Roe, Ada", "7", "ar1", "ada", "A, 1", "20.0"]


def moodle():
    people = {"102": ("Cy Tan", "ct1"), "100": ("Ada Roe", "ar1"), "101": ("Bo Li", "")}
    lms = Moodle(people, 10)
    lms.grades["102"] = (7.5, "Montag, 2. Februar 2026, 11:00", "gut; weiter so")
    return lms


@pytest.mark.parametrize("titles", [None, "一;二;三;四;五;六;七;八;九;コメント comment"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_moodles_own_worksheet_is_filled_in(school, tmp_path, capsys, titles, encoding):
    if titles and encoding == "cp1252":
        return
    lms = moodle()
    header, _, rest = lms.text().partition("\r\n")
    before = f"{titles or header}\r\n{rest}"
    after = filled(school, tmp_path, before, "01-conv", encoding=encoding)
    grade, comment = [row[4] for row in table(after, ";")], [row[9] for row in table(after, ";")]
    assert grade[1:] == ["7,50", "9", ""]
    minus = "&#8722;" if encoding == "cp1252" else "−"
    assert comment[1] == "gut; weiter so" and comment[2].endswith(f"{minus}3 handed in late")
    # The comment is HTML: what a student or a table wrote is text in it.
    assert comment[2].split("<br>")[0] == (
        f"{minus}6 shapes: It is &lt;valid&gt; &amp; the table has 2.\\nOne, two."
    )
    head, tail = after.split(";9;")
    assert before.startswith(head) and before.endswith(tail[tail.rindex("\r\nTeilnehmer") :])
    said = capsys.readouterr().out
    assert "highest grade of 01-conv in Moodle is 10, and the assignment has 20" in said


def test_a_regrade_reaches_moodle(tmp_path):
    """A grade without its date is skipped by Moodle once there is one."""
    school = School(tmp_path)
    school.hand_in("ar1", manual=4, lms_user_id="100", first_name="Ada", last_name="Roe")
    lms = moodle()
    lms.take(filled(school, tmp_path, lms.text()))
    assert lms.grades["100"][0] == 18.0 and lms.grades["102"][0] == 7.5
    with Gradebook(CourseFolder(tmp_path).database) as gradebook:
        gradebook.find_grade("essay", "p1", "hw", "ar1").manual_score = 6
        gradebook.db.commit()
    lms.take(filled(school, tmp_path, lms.text()))
    assert lms.grades["100"][::2] == (20.0, "")


@pytest.mark.parametrize("title, no", [
    ("Grade can be changed", "No"), ("Bewertung kann geändert werden", "Nein"),
    ("La note peut être modifiée", "Non"), ("La calificación puede ser cambiada", "No"),
])  # fmt: skip
def test_grades_that_moodle_does_not_let_change_are_named(school, tmp_path, capsys, title, no):
    before = moodle().text().replace("Bewertung kann geändert werden", title)
    filled(school, tmp_path, before, "01-conv")
    assert "cannot be changed" not in capsys.readouterr().out
    lines = [
        line.replace(";Ja;", f";{no};") if "Ada" in line else line for line in before.split("\r\n")
    ]
    filled(school, tmp_path, "\r\n".join(lines), "01-conv")
    said = capsys.readouterr().out
    assert "these grades cannot be changed, and ignores new ones: ar1." in said


def test_a_line_may_have_more_cells_than_there_are_titles(school, tmp_path):
    title, *lines = moodle().text().split("\r\n")
    more = [f"{line};" if line else line for line in lines]
    told = filled(school, tmp_path, "\r\n".join([title, *more]), "01-conv")
    plain = filled(school, tmp_path, "\r\n".join([title, *lines]), "01-conv")
    assert told.replace(";\r\n", "\r\n") == plain != "\r\n".join([title, *lines])


def test_a_worksheet_is_for_one_assignment(school, tmp_path, capsys):
    own = tmp_path / "own.csv"
    assert school.course("export", "01-conv", "--fill", str(own)) == 1
    assert f"There is no file {own}." in capsys.readouterr().err
    own.write_text(moodle().text())
    assert school.course("export", "--fill", str(own)) == 1
    assert "is for one assignment: name that one" in capsys.readouterr().err
    own.write_text("ID;Email\nParticipant 1;ada@example.org\n")
    assert school.course("export", "01-conv", "--fill", str(own)) == 1
    assert "has no column for the grade" in capsys.readouterr().err
    for other in (
        "Name;Email\nAda Roe;ada@example.org\n",
        "student_id,grade\nada,\n",
        '"Last Name","First Name","Username","Number","Points"\n"Roe","Ada","ar1","1001",""\n',
    ):
        own.write_text(other)
        assert school.course("export", "01-conv", "--fill", str(own)) == 1
        assert "is no file that can be filled in. These are Moodle's" in capsys.readouterr().err
    for other in ("", "<html></html>", "Student,ID,Section,conv\n"):
        own.write_text(other)
        assert school.course("export", "01-conv", "--fill", str(own)) == 1
        assert "is not written as an LMS writes CSV" in capsys.readouterr().err
    own.write_text('Student,ID,Section,conv\n"Roe, "Ada"",7,A,\n')  # by hand, or by a program
    assert school.course("export", "01-conv", "--fill", str(own)) == 1
    assert "cannot be filled in without a risk for its other cells" in capsys.readouterr().err


def test_lines_without_their_empty_cells_and_lines_that_are_there_twice(school, tmp_path, capsys):
    lms = canvas()
    text = lms.text().replace(",,,77.1", "").replace(",,77.1", "")
    text = text.replace(",7.0,3.0,,77.1", ",7.0,3.0")
    after = filled(school, tmp_path, text, "02-lenet")
    lms.take(after)
    assert lms.grades["Week 2: LeNet-5 (42)"] == {"7": 20.0, "8": 0.0}
    assert len({len(row) for row in table(after)}) == 1
    (line,) = [line for line in lms.text().splitlines() if "ar1" in line]
    after = filled(school, tmp_path, lms.text() + line + "\r\n", "02-lenet")
    said = capsys.readouterr().out
    assert "Several lines of" in said and "fit, so not filled in: ar1." in said
    assert after.count(line) == 2


def test_a_file_in_which_nobody_is_found_is_not_written(school, tmp_path, capsys):
    own = tmp_path / "own.csv"
    own.write_text(Gradescope({"9": ("Eve", "Fox", "e@example.org")}, "LeNet", 20).text())
    to = tmp_path / "out.csv"
    assert school.course("export", "02-lenet", "--fill", str(own), "--to", str(to)) == 1
    assert "Final scores: 2, and none is of a student in" in capsys.readouterr().err
    assert not to.exists()


def test_a_line_is_not_filled_in_for_somebody_else_of_the_same_name(tmp_path, capsys):
    """One of two Ada Roes has left, so the file has one of them."""
    school = School(tmp_path / "school", "02-lenet")
    school.hand_in("ar1", first_name="Ada", last_name="Roe")
    school.hand_in("bl1", build=[WRONG], first_name="Bo", last_name="Li")
    school.hand_in("zz9", manual=0, first_name="Ada", last_name="Roe")
    before = "Identifier,Full name,ID number,Grade\nParticipant 5,Ada Roe,ar1,\n"
    after = filled(school, tmp_path, before, "02-lenet")
    assert [row[3] for row in table(after)[1:]] == ["20"]
    assert "so not filled in: bl1, zz9." in capsys.readouterr().out
    # By the name alone, nobody can tell.
    before = "Identifier,Full name,Grade\nParticipant 5,Ada Roe,\nParticipant 6,Bo Li,\n"
    after = filled(school, tmp_path, before, "02-lenet")
    assert [row[2] for row in table(after)[1:]] == ["", "12"]
    said = capsys.readouterr().out
    assert "fits several students, so it was not filled in: ar1, zz9." in said


def test_blackboards_grades_are_filled_in(school, tmp_path, capsys):
    about = '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"'
    total = '"Weighted Total [Total Pts: up to 30 Score] |9"'
    before = (
        f'{about}\t{total}\t"Week 2: LeNet [Total Pts: 20 Score] |42"\r\n'
        '"Roe"\t"Ada"\t"ar1"\t"1001"\t"2026-01-05 10:00:00"\t"9"\t""\r\n'
        '"Tan"\t"Cy"\t"ct1"\t"1003"\t""\t""\t""\r\n'
        '"Li"\t"Bo"\t"bl1"\t"1002"\t""\t""\t"7"\r\n'
    )
    after = filled(school, tmp_path, before, "02-lenet", encoding="utf-16")
    assert [row[-1] for row in table(after, "\t")[1:]] == ["20", "", "0"]
    assert after.replace('"20"\r', '""\r').replace('"0"\r', '"7"\r') == before
    assert "highest grade" not in capsys.readouterr().out


@pytest.mark.parametrize("lms", ["brightspace", "gradescope"])
def test_other_gradebooks_are_filled_in(school, tmp_path, lms):
    if lms == "brightspace":
        people = {f"user{id_}": (id_, *name) for id_, name in PEOPLE.items()}
        there = Brightspace(people, "Week 2, LeNet".replace(",", ""), 20)
    else:
        people = {
            id_: (first, last, f"{first}@example.org") for id_, (last, first) in PEOPLE.items()
        }
        there = Gradescope(people, "LeNet", 20)
    after = filled(school, tmp_path, there.text(), "02-lenet")
    assert differing(there.text(), after) == ["20", "0"]
    there.take(after)
    assert sorted(there.grades.values()) == [0.0, 20.0]


def test_students_are_found_by_name_if_the_file_has_no_number_of_theirs(tmp_path):
    school = School(tmp_path)
    school.hand_in("roeada_7", first_name="Ada", last_name="Roe")
    there = Brightspace({"x1": ("9", "Roe", "Ada"), "x2": ("8", "Li", "Bo")}, "HW", 20)
    there.take(filled(school, tmp_path, there.text()))
    assert there.grades == {"x1": 20.0}


def test_a_gradebook_from_before_the_record_is_used(tmp_path):
    school = School(tmp_path)
    school.hand_in("ar1", lms_user_id="77")
    (canvas,) = exported(school, tmp_path, "--format", "canvas").values()
    (moodle,) = exported(school, tmp_path, "--format", "moodle").values()
    assert canvas[1]["ID"] == "77" and moodle[0]["Identifier"] == "Participant 77"
    with Gradebook(CourseFolder(tmp_path).database) as gradebook:
        assert gradebook.find_student("ar1").lms_user_id == "77"
