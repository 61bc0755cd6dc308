"""Feedback as an LMS takes it back: collected, graded, and returned to the same people."""

import zipfile
from pathlib import Path

import nbformat
import pytest

from tests.importers import (
    Brightspace,
    Canvas,
    Gradescope,
    Moodle,
    feedback_in_brightspace,
    feedback_in_canvas,
    feedback_in_moodle,
)
from tests.inbox import packed
from tests.school import School

LOST = ("conv2", "PADDING", "It is <valid>, and `the table` has 2.")
ARCHIVES = {
    "moodle": (
        "Ada Roe_13_assignsubmission_file_/Copy of p1.ipynb",
        "Bo Li_14_assignsubmission_file/deep/p1.ipynb",
        "José Núñez_15_assignsubmission_file_x.ipynb",
    ),
    "canvas": (
        "roeada_13_20001_p1.ipynb",
        "o_brienal_LATE_14_20002_Copy of p1-2.ipynb",
        "núñezjosé_15_20003_p1_2.ipynb",
    ),
    "brightspace": (
        "13-20001 - Ada Roe - Sep 24, 2024 926 PM/p1.ipynb",
        "14-20002 - Al O'Brien - Sep 24, 2024 1026 AM/work/p1.ipynb",
        "15-20003 - José - Núñez - Sep 24, 2024 926 PM/p1.ipynb",
    ),
}


@pytest.fixture(params=ARCHIVES)
def returned(request, tmp_path, monkeypatch, capsys):
    """(the school, the LMS, its archive's names, the zip file that goes back)."""
    monkeypatch.chdir(tmp_path)
    school = School(tmp_path / "course")
    content = (school.folder / "assignments" / "hw" / "p1.ipynb").read_bytes()
    names = ARCHIVES[request.param]
    in_time = (2025, 12, 20, 9, 0, 0)
    archive = packed(tmp_path / "a.zip", [(f"Week 1/{n}", content, in_time) for n in names])
    assert school.course("collect", str(archive), "--timezone", "UTC") == 0
    students = [path.name for path in (school.folder / "submitted").iterdir()]
    for student in students:
        school.hand_in(student, shapes=[LOST])
    school.hand_in("by-mail")
    assert school.course("feedback", "hw", "--for", request.param) == 0
    said = capsys.readouterr().out
    assert "not in it: by-mail, as nothing of theirs was collected from" in said
    return school, request.param, names, zipfile.ZipFile(f"feedback-hw-{request.param}.zip")


def test_everybody_gets_theirs_back(returned):
    _, lms, names, archive = returned
    inside = archive.namelist()
    if lms == "canvas":  # what has the same name is shown in its place
        assert sorted(inside) == sorted(names)
        taken = {user for user, attachment in feedback_in_canvas(inside) if int(attachment) > 20000}
    elif lms == "moodle":
        taken = feedback_in_moodle(inside)
        assert set(taken.values()) == {"feedback-p1.html"}
    else:
        assert {name.split("/")[0] for name in inside} == {name.split("/")[0] for name in names}
        taken = feedback_in_brightspace(inside)
    assert sorted(taken) == ["13", "14", "15"]
    for name in inside:
        text = archive.read(name).decode()
        assert "It is &lt;valid&gt;" in text or "It is <valid>, and `the table` has 2." in text
        assert "secret_check(f) == 9" not in text  # a hidden test


PEOPLE = {"13": ("Ada", "Roe"), "14": ("Al", "O'Brien"), "15": ("José", "Núñez")}
MOODLES = {"14": ("Bo", "Li")}


def gradebook(lms):
    """The LMS's own table of grades, with these people in another order."""
    people = {n: PEOPLE[n] for n in ("15", "13", "14")} | (MOODLES if lms == "moodle" else {})
    if lms == "moodle":
        return Moodle({n: (" ".join(name), "") for n, name in people.items()}, 20)
    if lms == "canvas":
        about = {n: (f"{last}, {first}", f"s{n}", "", "A") for n, (first, last) in people.items()}
        return Canvas(about, {"Week 1 hw (9)": 20})
    about = {f"u{n}": (f"org{n}", last, first) for n, (first, last) in people.items()}
    return Brightspace(about, "hw", 20)


def test_scores_reach_the_same_people(returned):
    """Nothing but the archive, and the table of grades, says who is who."""
    school, lms, _, _ = returned
    there = gradebook(lms)
    Path("own.csv").write_text(there.text(), encoding="utf-8")
    assert school.course("export", "hw", "--fill", "own.csv", "--to", "filled.csv") == 0
    there.take(Path("filled.csv").read_text(encoding="utf-8"))
    if lms == "moodle":
        grades = {number: grade for number, (grade, _, _) in there.grades.items()}
    else:
        grades = there.grades["Week 1 hw (9)"] if lms == "canvas" else there.grades
    number = "u{}" if lms == "brightspace" else "{}"
    assert grades == {number.format(n): 14.0 for n in PEOPLE}


def test_what_gradescope_gave_is_filled_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    school = School(tmp_path / "course")
    content = (school.folder / "assignments" / "hw" / "p1.ipynb").read_bytes()
    files = {f"export/submission_{n}/p1.ipynb": content for n in PEOPLE}
    files["export/submission_metadata.yml"] = "".join(
        f"submission_{n}:\n  :submitters:\n  - :name: {first} {last}\n    :sid: 's{n}'\n"
        f"    :email: {n}@uni.edu\n  :created_at: 2025-12-19 09:00:00 +01:00\n"
        for n, (first, last) in PEOPLE.items()
    )
    assert school.course("collect", str(packed(tmp_path / "a.zip", files))) == 0
    for path in list((school.folder / "submitted").iterdir()):
        school.hand_in(path.name, shapes=[LOST])
    people = {f"s{n}": (*name, f"{n}@uni.edu") for n, name in PEOPLE.items()}
    there = Gradescope(people, "Homework hw", 20)
    Path("own.csv").write_text(there.text(), encoding="utf-8")
    assert school.course("export", "hw", "--fill", "own.csv", "--to", "filled.csv") == 0
    there.take(Path("filled.csv").read_text(encoding="utf-8"))
    assert there.grades == {f"s{n}": 14.0 for n in PEOPLE}


def test_what_canvas_gets_is_the_notebook_with_its_points(returned):
    _, lms, _, archive = returned
    if lms != "canvas":
        return
    nb = nbformat.reads(archive.read(archive.namelist()[0]), 4)
    nbformat.validate(nb)
    texts = [cell.source for cell in nb.cells]
    assert texts[0] == "**hw: 14 of 20 points**"
    at = next(n for n, text in enumerate(texts) if text.startswith("# Exercise"))
    assert texts[at + 1] == (
        "**shapes: 0 / 6** ✗ not right\n\n```text\nIt is <valid>, and `the table` has 2.\n```"
    )
    assert not any(cell.get("outputs") for cell in nb.cells)


def test_canvas_takes_back_nothing_for_a_zip_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    school = School(tmp_path / "course")
    content = (school.folder / "assignments" / "hw" / "p1.ipynb").read_bytes()
    inner = packed(tmp_path / "b.zip", {"work/p1.ipynb": content}).read_bytes()
    files = {"roeada_13_20001_p1.ipynb": content, "libo_14_20002_b.zip": inner}
    assert school.course("collect", str(packed(tmp_path / "a.zip", files))) == 0
    for student in ("roeada_13", "libo_14"):
        school.hand_in(student)
    assert school.course("feedback", "hw", "--for", "canvas") == 0
    assert "not in it: libo_14, as the notebook lay in a zip file" in capsys.readouterr().out
    assert zipfile.ZipFile("feedback-hw-canvas.zip").namelist() == ["roeada_13_20001_p1.ipynb"]


def test_nothing_to_return_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    school = School(tmp_path)
    school.hand_in("ada")
    assert school.course("feedback", "hw", "--for", "canvas") == 1
    said = capsys.readouterr().err
    assert "No feedback of hw can go back to Canvas. For example, ada gets none, as nothing" in said
    assert (tmp_path / "feedback" / "ada" / "hw" / "p1.html").exists()
