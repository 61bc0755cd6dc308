"""Scores as spreadsheets and LMSs read them."""

import csv
import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from statistics import correlation

import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.inbox.intake import Record
from course.grading.out.export import FORMATS
from course.grading.out.scores import COLUMNS
from tests.school import School

PADDED = ("conv2", "PADDING", 'The padding is "valid", the table has 2. One, two.')


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    school = School(tmp_path_factory.mktemp("school"))
    names = {"first_name": "José, Maria", "last_name": '=cmd|"/c calc"!A1', "lms_user_id": "101"}
    school.hand_in("right", **names)
    school.hand_in("wrong", shapes=[PADDED], lms_user_id="102")
    school.hand_in("late", days_late=4, lms_user_id="103")
    school.hand_in("essay", manual=None, lms_user_id="104")
    school.hand_in("broken", failed="p1.ipynb is not JSON", lms_user_id="105")
    school.hand_in("unsafe", sandbox="none", lms_user_id="106")
    school.hand_in("changed", lms_user_id="108")
    for student in ("changed", "pending"):
        folder = school.folder / "submitted" / student / "hw"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "p1.ipynb").write_text("{}")
    with Gradebook(CourseFolder(school.folder).database) as gradebook:
        for number, student in enumerate(("absent", "pending", "unreadable")):
            gradebook.update_or_create_student(student, lms_user_id=f"2{number}")
    record = Record(CourseFolder(school.folder))
    record.of("hw", "unreadable").unreadable = [["p1.pdf", "is no notebook (.ipynb)"]]
    record.save()
    return school


def read(path, encoding="utf-8"):
    with path.open(newline="", encoding=encoding) as file:
        return list(csv.DictReader(file))


def test_scores_have_every_exercise_and_a_state(school, tmp_path):
    path = tmp_path / "scores.csv"
    assert school.course("export", "--to", str(path)) == 0
    rows = {row["student"]: row for row in read(path, "utf-8-sig")}
    assert list(rows["right"])[: len(COLUMNS)] == list(COLUMNS)
    assert {name: row["state"] for name, row in rows.items()} == {
        "right": "graded",
        "wrong": "graded",
        "late": "graded",
        "essay": "needs manual grade",
        "broken": "not graded",
        "unsafe": "graded without a sandbox",
        "absent": "not handed in",
        "changed": "handed in anew, not graded yet",
        "pending": "handed in, not graded yet",
        "unreadable": "handed in, unreadable",
    }
    folder = school.folder / "submitted" / "pending" / "hw"
    (folder / "Week 1").mkdir()
    (folder / "p1.ipynb").rename(folder / "Week 1" / "p1.ipynb")  # found there, as in grading
    assert school.course("export", "--to", str(path)) == 0
    again = {row["student"]: row for row in read(path, "utf-8-sig")}
    (folder / "Week 1" / "p1.ipynb").rename(folder / "p1.ipynb")
    (folder / "Week 1").rmdir()
    assert again["pending"] == rows["pending"]
    assert rows["unreadable"]["note"] == "p1.pdf is no notebook (.ipynb)"
    assert (rows["wrong"]["score"], rows["wrong"]["shapes"], rows["wrong"]["build"]) == (
        "14.0", "0.0", "8.0",
    )  # fmt: skip
    assert (rows["late"]["score"], rows["late"]["late_penalty"]) == ("16.0", "4.0")
    assert rows["absent"]["score"] == ""
    waits = rows["essay"]
    assert (waits["score"], waits["build"], waits["essay"]) == ("14.0", "8.0", "")
    assert (rows["broken"]["score"], rows["broken"]["shapes"]) == ("", "")  # a 0 would be a grade
    # A name that a spreadsheet would run as a formula is only a text there.
    assert rows["right"]["last_name"] == '\'=cmd|"/c calc"!A1'
    assert rows["right"]["first_name"] == "José, Maria"


def test_canvas_gets_its_columns_and_only_final_scores(school, tmp_path, capsys):
    path = tmp_path / "canvas.csv"
    assert school.course("export", "hw", "--format", "canvas", "--to", str(path)) == 0
    said = capsys.readouterr().out
    first, *rows = read(path)
    assert list(first) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "hw"]
    assert first["Student"].strip() == "Points Possible" and first["hw"] == "20.0"
    # Canvas takes an empty cell for a grade that is to be deleted.
    assert {row["ID"]: row["hw"] for row in rows} == {"101": "20.0", "102": "14.0", "103": "16.0"}
    assert not path.read_bytes().startswith(b"\xef\xbb\xbf")
    for student in ("essay", "broken", "unsafe", "changed", "pending", "unreadable"):
        assert f"not final: hw  {student}" in said
    assert "absent" not in said and "Only final scores are exported." in said
    assert (
        "hw: 3 graded; 1 needs manual grade; 1 not graded; 1 graded without a sandbox; 1 handed in "
        "anew, not graded yet; 1 handed in, not graded yet; 1 handed in, unreadable; 1 not handed "
        "in\n"
    ) in said


def test_moodle_gets_a_worksheet_with_comments(school, tmp_path):
    path = tmp_path / "moodle.csv"
    assert school.course("export", "hw", "--format", "moodle", "--to", str(path)) == 0
    rows = {row["Identifier"]: row for row in read(path)}
    wrong = rows["Participant 102"]
    assert (wrong["Grade"], wrong["Maximum Grade"]) == ("14.0", "20.0")
    assert wrong["Feedback comments"] == f"−6 shapes: {PADDED[2]}".replace("\n", "<br>")
    assert rows["Participant 103"]["Feedback comments"] == "−4 handed in late"
    assert rows["Participant 104"]["Grade"] == ""
    assert "not JSON" in rows["Participant 105"]["Feedback comments"]


@pytest.mark.parametrize("kind", ["canvas", "moodle"])
def test_nbgraders_own_export_writes_the_same_file(school, tmp_path, kind):
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    assert school.course("export", "--format", kind, "--to", str(ours)) == 0
    exporter = f"course.grading.out.export.{kind.title()}Export"
    command = ["-m", "nbgrader", "export", f"--exporter={exporter}"]
    subprocess.run([sys.executable, *command, f"--to={theirs}"], cwd=school.folder, check=True)
    assert theirs.read_bytes() == ours.read_bytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_without_a_name_a_file_is_called_after_its_format(school, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    assert school.course("export", "--format", kind) == 0
    assert [path.name for path in tmp_path.iterdir()] == [FORMATS[kind][1]]


def test_a_folder_that_is_not_there_is_told(school, tmp_path, capsys):
    path = tmp_path / "none" / "scores.csv"
    assert school.course("export", "--to", str(path)) == 1
    assert f"there is no folder {path.parent}. Make it." in capsys.readouterr().err


@pytest.mark.parametrize("kind", FORMATS)
def test_on_a_full_disk_the_earlier_file_stays(school, tmp_path, monkeypatch, capsys, kind):
    path = tmp_path / "earlier.csv"
    path.write_text("earlier")

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert school.course("export", "--format", kind, "--to", str(path)) == 1
    assert f"{path}: the disk is full" in capsys.readouterr().err
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]


def test_what_a_link_names_is_written_and_so_is_a_pipe(school, tmp_path):
    path, link, pipe = tmp_path / "scores.csv", tmp_path / "link.csv", tmp_path / "pipe"
    path.write_text("earlier")
    link.symlink_to(path)
    os.mkfifo(pipe)
    assert school.course("export", "--to", str(link)) == 0
    assert link.is_symlink() and path.read_text() != "earlier"
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(pipe.read_bytes)
        assert school.course("export", "--to", str(pipe)) == 0
        assert reading.result(600) == path.read_bytes()


def test_the_lmss_own_file_is_not_written_over(school, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = 'Student,ID,Section,hw\n"Roe, Ada",7,A,\n'
    (tmp_path / "canvas.csv").write_text(text)
    assert school.course("export", "--format", "canvas", "--fill", "canvas.csv") == 1
    assert "canvas.csv is not written over" in capsys.readouterr().err
    assert (tmp_path / "canvas.csv").read_text() == text


def test_an_empty_gradebook_says_what_to_do(tmp_path, capsys):
    school = School(tmp_path)
    assert school.course("export") == 1
    assert "Nothing has been graded yet. Run: course grade" in capsys.readouterr().err
    assert school.course("report") == 1
    assert "No submission of hw has been graded yet. Run: course" in capsys.readouterr().err


def test_the_report_counts_mistakes_by_cause(school, tmp_path):
    from tests.grading.test_feedback import Links, words

    school = School(tmp_path)
    for number in range(4):
        school.hand_in(f"padded{number}", shapes=[PADDED], build=[("x", "STRIDE", "<b>stride</b>")])
    for number in range(5):
        school.hand_in(f"right{number}")
    school.hand_in("half", build=[("x", "KERNEL", "kernel")], sandbox="none")
    school.hand_in("broken", failed="p1.ipynb is not JSON <at all>")
    path = tmp_path / "report.html"
    assert school.course("report", "hw", "--to", str(path)) == 0
    html = path.read_text(encoding="utf-8")
    said = words(html)
    assert "10 graded submissions, mean 13.6 and median 16 of 20 points" in said
    assert "4 of 10 shapes padding conv2" in said
    assert "4 of 10 build stride x" in said and "1 of 10 build kernel x" in said
    assert "&lt;b&gt;stride" in html and "<b>stride" not in html
    by_hand = correlation([6] * 6 + [0] * 4, [14] * 5 + [6] * 5)  # with build and essay
    assert f"shapes 1 · Shapes 6 6 of 10 0 0.60 {by_hand:.2f}" in said
    assert "essay 2 · Build and say why 6 10 of 10 0 1.00 –" in said  # everybody has the same
    assert "1 could not be graded" in said and "1 graded without a sandbox" in said
    found = Links(html)
    assert not found.tags & {"script", "link", "iframe"}
    assert all(address.startswith(("#", "data:image/png")) for address in found.addresses)
