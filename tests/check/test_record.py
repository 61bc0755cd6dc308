"""Points so far, what is open, how long each took: as a student's kernel notes it."""

import json

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from course import check
from course.check import record

EXERCISES = '{"a-one": 4, "a-two": 6, "a-three": 90}'


def executed(folder, *cells):
    """The cells after a kernel in a folder ran them."""
    nb = new_notebook(cells=[new_code_cell(source) for source in cells])
    client = NotebookClient(nb, resources={"metadata": {"path": str(folder)}}, allow_errors=True)
    return client.execute().cells


def run(folder, *cells):
    """What the last of these cells shows."""
    return executed(folder, *cells)[-1].outputs[0].data


def test_points_are_shown_when_all_checks_of_an_exercise_passed(tmp_path, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    _, right, half, shown = executed(
        tmp_path,
        "from course import check, progress\nprogress.watch()",
        "# Exercise a-one (1 point)\ncheck.value(3, 3)",
        "# Exercise a-two (6 points)\ncheck.value(3, 3)\ncheck.value(None, 4)",
        f"check.progress({EXERCISES})",
    )
    texts = [output.data["text/plain"] for output in right.outputs]
    assert texts == ["✓ Your answer is right.", "✓ 1 point: a-one is solved."]
    assert "is solved" not in str(half.outputs)
    # What nobody has answered is open, however often "run all cells" went over it.
    assert "○ open  a-two  6\n" in shown.outputs[0].data["text/plain"]


def test_a_notebook_notes_what_is_solved(tmp_path, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    begin = "from course import check, progress\nprogress.watch()"
    shown = run(
        tmp_path,
        begin,
        "# Exercise a-one (4 points)\ncheck.value(3, 3)",
        "# Exercise a-two (6 points)\ncheck.value(3, 4)",
        "# Exercise a-two (6 points)\ncheck.value(5, 4)",
        f"check.progress({EXERCISES})",
    )
    text = shown["text/plain"]
    assert "4 of 100 points; still open: a-two, a-three." in text
    assert "✓ solved  a-one  4  1  0 min" in text
    assert "✗ not yet  a-two  6  2" in text and "○ open  a-three  90" in text
    assert "<table>" in shown["text/html"]
    # A new kernel still knows; and what was solved can be broken again.
    again = run(
        tmp_path,
        begin,
        "# Exercise a-two (6 points)\ncheck.value(4, 4)",
        "# Exercise a-one (4 points)\ncheck.value(0, 3)",
        f"check.progress({EXERCISES})",
    )["text/plain"]
    assert "6 of 100 points; still open: a-one, a-three." in again


def test_nothing_is_noted_while_grading(tmp_path, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    begin = "from course import check, progress\nprogress.watch()"
    shown = run(
        tmp_path,
        begin,
        "# Exercise a-one (4 points)\ncheck.value(3, 3)",
        f"check.progress({EXERCISES})",
    )
    assert "0 of 100 points" in shown["text/plain"]
    assert not (tmp_path / record.FILE).exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a-one": 3}', '{"a-one": {"solved": true}}',
     '{"a-one": {"solved": true, "tries": 1}}'],
)  # fmt: skip
def test_a_broken_file_is_an_empty_one(tmp_path, monkeypatch, text):
    (tmp_path / record.FILE).write_text(text)
    monkeypatch.chdir(tmp_path)
    shown = check.progress({"a-one": 4})
    assert shown.points == 0 and "0 of 4 points" in repr(shown)


def test_the_overview_lists_all_assignments(tmp_path):
    folder = tmp_path / "assignments" / "02-x"
    folder.mkdir(parents=True)
    cells = [new_code_cell(f"# Exercise x-{n} ({n} points)\npass") for n in (1, 2)]
    nbformat.write(new_notebook(cells=cells), folder / "x.ipynb")
    entry = {"x-2": {"solved": True, "tries": 1, "points": 2, "minutes": 1.0}}
    (folder / record.FILE).write_text(json.dumps(entry))
    shown = record.overview(tmp_path / "assignments")
    assert repr(shown) == "02-x: 2 of 3 points, 1 exercise open"
    assert "2 of 3" in shown._repr_html_()


def test_a_damaged_notebook_hides_no_other_assignment(tmp_path):
    for name in ("01-a", "02-x"):
        (tmp_path / name).mkdir()
    cells = [new_code_cell("# Exercise x-1 (3 points)\npass")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "02-x" / "x.ipynb")
    (tmp_path / "01-a" / "a.ipynb").write_text("<<<<<<< HEAD")
    shown = record.overview(tmp_path)
    first, second = repr(shown).splitlines()
    assert first == "02-x: 0 of 3 points, 1 exercise open"
    assert second.startswith("a.ipynb is not JSON; a notebook has to be JSON")
    assert "a.ipynb is not JSON" in shown._repr_html_()


def test_an_empty_folder_says_where_to_go(tmp_path):
    with pytest.raises(FileNotFoundError, match="Open this notebook in the course's folder"):
        record.overview(tmp_path)
