"""Groups that hand in once: every member has the file, the points and the page."""

import zipfile

import pytest

from course.grading.inbox.collect import collect
from course.grading.inbox.intake import groups, intake
from tests.inbox import packed
from tests.school import School

# As Canvas writes it: People > a group set > Download Course Roster CSV.
CANVAS_GROUPS = """\
name,canvas_user_id,user_id,login_id,sections,group_name,canvas_group_id,group_id
Ada Roe,101,s-1,ada,S1,Team 1-1,7,
Bo Li,102,s-2,bo,S1,Team 1-1,7,
Cy Ng,103,s-3,cy,S1,Team 11,8,
Di Wu,104,s-4,di,S1,,,
"""


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(CANVAS_GROUPS)
    return path


def test_canvas_has_one_file_for_a_group(room, tmp_path, roster, capsys):
    """Canvas names the file of a group by the group and the number of one member."""
    archive = packed(
        tmp_path / "submissions.zip",
        {
            "team11_102_9001_p1.ipynb": room.notebook("of Team 1-1"),
            "team11_103_9002_p1.ipynb": room.notebook("of Team 11"),
            "wudi_104_9003_p1.ipynb": room.notebook("of Di"),
        },
    )
    assert room.collect(archive, "--roster", roster, "--groups", "group_name") == 0
    shown = capsys.readouterr().out
    assert "2 groups of 1 to 2 members, by the column 'group_name'" in shown
    assert room.submitted() == {
        "s-1": "of Team 1-1",
        "s-2": "of Team 1-1",
        "s-3": "of Team 11",
        "s-4": "of Di",
    }
    assert "taken    hw  s-1  team11_102_9001_p1.ipynb" in shown
    numbers = {s: about.numbers["canvas"] for s, about in intake(room.course, "hw").items()}
    assert numbers == {"s-1": "101", "s-2": "102", "s-3": "103", "s-4": "104"}
    assert room.student("s-1").last_name == "Roe"
    assert sorted(groups(room.course, "hw")) == [["s-1", "s-2"], ["s-3"], ["s-4"]]


def test_a_folder_may_have_the_groups_name(room, tmp_path, roster):
    files = {name: room.notebook(name) for name in ("Team 1-1", "team 11", "di", "Team 2")}
    archive = packed(tmp_path / "a.zip", {f"{name}/p1.ipynb": nb for name, nb in files.items()})
    report = collect(room.course, archive, roster=roster, groups="group_name")
    wanted = {"s-1": "Team 1-1", "s-2": "Team 1-1", "s-3": "team 11", "s-4": "di"}
    assert room.submitted() == wanted
    assert dict(report.skipped) == {"Team 2/p1.ipynb": f"Team 2 is not in the roster {roster}"}


def test_a_group_may_be_called_like_a_person(room, tmp_path):
    """The groups' names are no names of students, though the archive has them in that place."""
    roster = tmp_path / "r.csv"
    roster.write_text("id,Wer,Gruppe\na,Ada Roe,Blue Whale\nb,Bo Li,Blue Whale\nc,Cy Ng,\n")
    files = {
        "bluewhale_7_9001_p1.ipynb": room.notebook("the whale's"),
        "ngcy_8_9002_p1.ipynb": room.notebook("Cy's"),
    }
    archive = packed(tmp_path / "a.zip", files)
    assert room.collect(archive, "--roster", roster, "--groups", "Gruppe") == 0
    assert room.submitted() == {"a": "the whale's", "b": "the whale's", "c": "Cy's"}


def test_a_group_whose_name_is_not_written_exactly_has_to_be_the_only_one(room, tmp_path, roster):
    archive = packed(tmp_path / "a.zip", {"Team_11/p1.ipynb": room.notebook("Team 11's")})
    collect(room.course, archive, roster=roster, groups="group_name")
    assert room.submitted() == {}  # it could be Team 1-1, too
    roster.write_text(CANVAS_GROUPS.replace("Team 1-1", "Team 3"))
    collect(room.course, archive, roster=roster, groups="group_name")
    assert room.submitted() == {"s-3": "Team 11's"}


def test_of_what_members_handed_in_the_newest_answer_counts(room, tmp_path, roster):
    archive = packed(
        tmp_path / "submissions.zip",
        {
            "roeada_101_9001_p1.ipynb": room.notebook("first"),
            "libo_102_9005_p1.ipynb": room.notebook("second"),
        },
    )
    report = collect(room.course, archive, roster=roster, groups="Group_Name")
    assert room.submitted() == {"s-1": "second", "s-2": "second"}
    skipped = [("roeada_101_9001_p1.ipynb", "libo_102_9005_p1.ipynb is newer")]
    assert sorted(set(report.skipped)) == skipped


def test_without_the_column_everybody_hands_in_alone(room, tmp_path, roster, capsys):
    archive = packed(tmp_path / "s.zip", {"roeada_101_9001_p1.ipynb": room.notebook("Ada's")})
    assert room.collect(archive, "--roster", roster) == 0
    assert room.submitted() == {"s-1": "Ada's"}
    capsys.readouterr()
    assert room.collect(archive, "--roster", roster, "--groups", "team") == 1
    said = capsys.readouterr().err
    assert "has no column 'team' with the students' groups. Its columns are: name, canvas" in said
    assert room.collect(archive, "--groups", "group_name") == 1
    assert "give the list, too, with --roster students.csv" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_every_members(room, tmp_path, roster):
    archive = packed(
        tmp_path / "submissions.zip",
        {
            "team11_102_9001_p1.pdf": b"%PDF",
            "wudi_104_9003_p1.ipynb": room.notebook("of Di"),
        },
    )
    collect(room.course, archive, roster=roster, groups="group_name")
    said = intake(room.course, "hw")
    assert [bool(said[name].unreadable) for name in ("s-1", "s-2", "s-4")] == [True, True, False]


def test_the_zip_file_for_canvas_holds_a_groups_notebook_once(
    tmp_path, roster, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    school = School(tmp_path / "course")
    content = (school.folder / "assignments" / "hw" / "p1.ipynb").read_bytes()
    archive = packed(tmp_path / "a.zip", {"team11_102_9001_p1.ipynb": content})
    options = ("--roster", str(roster), "--groups", "group_name")
    assert school.course("collect", str(archive), *options) == 0
    for student in ("s-1", "s-2"):
        school.hand_in(student)
    capsys.readouterr()
    assert school.course("feedback", "hw", "--for", "canvas") == 0
    assert "not in it: s-2, as their group handed in one file" in capsys.readouterr().out
    with zipfile.ZipFile("feedback-hw-canvas.zip") as zipped:
        assert zipped.namelist() == ["team11_102_9001_p1.ipynb"]
