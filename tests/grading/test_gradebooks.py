"""The files that Canvas and Moodle import: whose score, under which number, and nothing else."""

import csv

import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
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


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (1),Conv (41),Week 2: LeNet-5 (42),Final\n"
    "    Points Possible,,,,,10,20,20,(read only)\n"
    '"Roe, Ada",7,ar1,ada,"A, 1",5,,,50\n"Li, Bo",8,bl1,bo,B,6,,11,60\n'
    '"Tan, Cy",9,ct1,cy,B,7,3,,70\n'
)


def test_canvas_own_file_is_filled_in(school, tmp_path, capsys):
    own = tmp_path / "Grades.csv"
    own.write_text(CANVAS, encoding="utf-8-sig")
    files = exported(school, tmp_path, "02-lenet", "--format", "canvas", "--into", str(own))
    first, ada, bo = files["out"]
    # Canvas's own title needs no mapping, and other assignments' grades are not touched.
    assert list(first) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section",
                           "Week 2: LeNet-5 (42)"]  # fmt: skip
    assert list(ada.values()) == ["Roe, Ada", "7", "ar1", "ada", "A, 1", "20.0"]
    assert (bo["ID"], bo["Week 2: LeNet-5 (42)"]) == ("8", "0.0")
    assert "cannot tell" not in capsys.readouterr().out
    own.write_text(CANVAS.replace("LeNet-5", "five"))
    assert school.course("export", "02-lenet", "--format", "canvas", "--into", str(own)) == 1
    assert "no column that is called like 02-lenet" in capsys.readouterr().err
    own.write_text(CANVAS.replace("Li, Bo", "Lee, Bob").replace("bl1", "bb1").replace("bo,", "x,"))
    files = exported(school, tmp_path, "02-lenet", "--format", "canvas", "--into", str(own))
    assert len(files["out"]) == 2
    assert "so not exported: bl1" in capsys.readouterr().out


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


GERMAN = (
    "ID;Vollständiger Name;ID-Nummer;Status;Bewertung;Bestwertung;Bewertung kann geändert werden;"
    "Zuletzt geändert (Abgabe);Zuletzt geändert (Bewertung);Feedback als Kommentar\n"
    'Teilnehmer/in102;Cy Tan;ct1;-;"7,50";"10,00";Ja;-;"Montag, 2. Februar 2026";gut\n'
    'Teilnehmer/in100;Ada Roe;ar1;Abgegeben;;"10,00";Ja;"Sonntag, 4. Januar 2026, 00:00";-;\n'
)


@pytest.mark.parametrize("titles", [None, "一;二;三;四;五;六;七;八;九;コメント comment"])
def test_moodles_own_worksheet_is_filled_in(school, tmp_path, capsys, titles):
    own = tmp_path / "Bewertungen.csv"
    text = GERMAN if titles is None else titles + GERMAN[GERMAN.index("\n") :]
    own.write_text(text, encoding="utf-8-sig")
    to = tmp_path / "out.csv"
    arguments = ("--format", "moodle", "--into", str(own), "--to", str(to))
    assert school.course("export", "01-conv", *arguments) == 0
    header, cy, ada = csv.reader(to.open(newline="", encoding="utf-8"), delimiter=";")
    assert header == text.split("\n")[0].split(";")
    assert cy == ["Teilnehmer/in102", "Cy Tan", "ct1", "-", "7,50", "10,00", "Ja", "-",
                  "Montag, 2. Februar 2026", "gut"]  # fmt: skip
    assert ada[:5] == ["Teilnehmer/in100", "Ada Roe", "ar1", "Abgegeben", "9"]
    assert ada[5:9] == ["10,00", "Ja", "Sonntag, 4. Januar 2026, 00:00", "-"]
    assert ada[9].endswith("−3 handed in late")
    assert "Moodle's highest grade is 10, the assignment has 20 points" in capsys.readouterr().out
    assert school.course("export", *arguments) == 1  # of which assignment?
    assert "is for one assignment: name it" in capsys.readouterr().err


def test_a_gradebook_from_before_the_record_is_used(tmp_path):
    school = School(tmp_path)
    school.hand_in("ar1", lms_user_id="77")
    (canvas,) = exported(school, tmp_path, "--format", "canvas").values()
    (moodle,) = exported(school, tmp_path, "--format", "moodle").values()
    assert canvas[1]["ID"] == "77" and moodle[0]["Identifier"] == "Participant 77"
    with Gradebook(CourseFolder(tmp_path).database) as gradebook:
        assert gradebook.find_student("ar1").lms_user_id == "77"
