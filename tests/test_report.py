"""What is printed and written about a class, on verdicts that are made up."""

import pytest

from course.grading.course_folder import CourseFolder
from course.grading.grade import read_result, table
from tests.school import School

FORGED = "it is wrong\nh9   100 / 100\r\x1b[2K\u2028h8   100 / 100" + "x" * 1_900_000


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A student whose texts try to look like other students' rows."""
    school = School(tmp_path_factory.mktemp("hostile"))
    finding = ("first\nrow", "PADDING", FORGED)
    school.hand_in("mallory", shapes=[finding], build=[finding], repairs=[FORGED])
    school.hand_in("finn", failed=FORGED)
    return school


def test_no_text_of_a_students_forges_a_row_of_the_table(hostile):
    course = CourseFolder(hostile.folder)
    shown = table([read_result(course, "hw", student) for student in ("mallory", "finn")])
    lines = shown.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["mallory", "finn"]
    assert all(len(line) < 600 for line in lines)
    assert "it is wrong\\nh9 100 / 100\\r\\x1b[2K\\u2028h8 100 / 100xx" in shown


def test_nor_a_page(hostile, tmp_path):
    assert hostile.course("report", "--to", str(tmp_path / "report.html")) == 0
    assert hostile.course("feedback", "hw") == 0
    pages = [tmp_path / "report.html", *hostile.folder.glob("feedback/mallory/hw/*.html")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "it is wrong\\nh9 100 / 100\\r\\x1b" in text
        assert len(text) < 60_000
