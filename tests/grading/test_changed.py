"""An assignment tried on its own solution, and one that changes after it was graded."""

import errno
import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course.cli import main
from course.grading import worker
from course.grading.folder import CourseFolder
from course.grading.notebook.problems import source_problems
from course.grading.results import read_result
from course.grading.sandbox import outside
from course.notebook import renamed

ROOT = Path(__file__).parents[2]
ANSWER = "answer = None\n### BEGIN SOLUTION\nanswer = sum(TABLE)\n### END SOLUTION"
TEST = "# Exercise sum (4 points)\nassert answer == {}"


class Own:
    """A course folder with one small assignment of the instructor's own, and its table."""

    def __init__(self, folder):
        self.folder = folder
        self.source = folder / "solutions" / "hw" / "p1.ipynb"
        self.table = self.source.with_name("mytable.py")
        self.source.parent.mkdir(parents=True)
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        self.table.write_text("TABLE = [1, 2]\n")
        self.write(TEST.format("sum(TABLE)"))

    def write(self, test, answer=ANSWER, points=4):
        def cell(name, source, **fields):
            meta = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False}
            meta |= {"locked": False, "task": False, **fields}
            return new_code_cell(source, id=name, metadata={"nbgrader": meta})

        cells = [
            cell("imports", "from mytable import TABLE", locked=True),
            cell("sum-answer", answer, solution=True),
            cell("sum", test, grade=True, locked=True, points=points),
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nb = new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(nb, self.source)

    def course(self, command, *arguments):
        return main([command, "--course", str(self.folder), *arguments])

    def hand_in(self, student, answer):
        nb = nbformat.read(self.folder / "assignments" / "hw" / "p1.ipynb", 4)
        next(c for c in nb.cells if c.id == "sum-answer").source = answer
        folder = self.folder / "submitted" / student / "hw"
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / "p1.ipynb")

    def score(self, student="ada"):
        return read_result(CourseFolder(self.folder), "hw", student).score


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    own = Own(tmp_path_factory.mktemp("own"))
    assert own.course("release", "hw") == 0
    own.hand_in("ada", "answer = 3")
    own.hand_in("bob", "answer = sum(TABLE)")
    assert own.course("grade", "hw") == 0
    assert (own.score(), own.score("bob")) == (4, 4)
    return own


def test_exercises_that_come_or_go_after_grading_are_one_sentence(own, capsys):
    whole = own.source.read_text(encoding="utf-8")
    released = own.folder / "assignments" / "hw" / "p1.ipynb"
    before = released.read_bytes()
    cells = json.loads(whole)
    cells["cells"].insert(1, {**cells["cells"][0], "id": "more"})
    cells["cells"][1]["metadata"] = json.loads(json.dumps(cells["cells"][0]["metadata"]))
    cells["cells"][1]["metadata"]["nbgrader"]["grade_id"] = "more"
    try:
        for text, said in (
            (
                whole.replace('"sum"', '"total"').replace("# Exercise sum", "# Exercise total"),
                "in p1.ipynb (gone: sum; new: total).",
            ),
            (json.dumps(cells), "in p1.ipynb (new: more)."),
        ):
            own.source.write_text(text, encoding="utf-8")
            assert own.course("release", "--no-trial", "hw") == 1
            error = capsys.readouterr().err
            assert said in error and "nbgrader db assignment remove hw --force" in error
            assert released.read_bytes() == before
        own.source.write_text(whole, encoding="utf-8")
        own.source.rename(own.source.with_name("p9.ipynb"))
        assert own.course("release", "--no-trial", "hw") == 1
        said = "by the names of its notebooks (gone: p1.ipynb; new: p9.ipynb). Keep"
        assert said in capsys.readouterr().err and released.read_bytes() == before
    finally:
        own.source.with_name("p9.ipynb").unlink(missing_ok=True)
        own.source.write_text(whole, encoding="utf-8")
    assert own.score() == 4


def test_who_is_named_twice_is_graded_once(own, capsys):
    assert own.course("grade", "hw", "hw", "--student", "ada", "--student", "ada", "--again") == 0
    said = capsys.readouterr().out
    assert said.count("1/1") == 1 and len(re.findall(r"^ada +4 / 4", said, re.M)) == 1


def test_what_lies_beside_the_assignments_folder_is_named(own, capsys):
    submitted = own.folder / "submitted"
    shutil.copytree(submitted / "ada" / "hw", submitted / "cy" / "hw-")
    shutil.copytree(submitted / "ada" / "hw", submitted / "cy" / "another")
    shutil.copy(submitted / "ada" / "hw" / "p1.ipynb", submitted / "bob")
    try:
        assert own.course("grade", "hw") == 0
        said = "in no student's folder hw: bob/p1.ipynb, cy/hw- (in submitted/). Move it there"
        assert said in capsys.readouterr().out
    finally:
        (submitted / "bob" / "p1.ipynb").unlink()
        shutil.rmtree(submitted / "cy")


def test_a_folder_whose_name_is_not_in_utf_8_is_named(own, capsys):
    odd = os.fsencode(own.folder / "submitted") + b"/M\xfcller"
    os.renames(os.fsencode(own.folder / "submitted" / "bob"), odd)
    try:
        assert own.course("grade", "hw") == 1
        assert "whose name is not in UTF-8: M\ufffdller. Some" in capsys.readouterr().err
    finally:
        os.renames(odd, os.fsencode(own.folder / "submitted" / "bob"))


def test_a_file_that_is_replaced_while_it_is_graded_is_graded_again(own, monkeypatch):
    path = own.folder / "submitted" / "ada" / "hw" / "p1.ipynb"
    text, grade_submission = path.read_text(), worker.grade_submission

    def meanwhile(*given):
        verdict = grade_submission(*given)
        path.write_text(text.replace("answer = 3", "answer = 4"))
        return verdict

    with monkeypatch.context() as patched:
        patched.setattr(worker, "grade_submission", meanwhile)
        assert own.course("grade", "hw", "--student", "ada", "--again") == 0
    assert own.score() == 4
    own.course("grade", "hw")
    assert own.score() == 0
    path.write_text(text)
    own.course("grade", "hw")
    assert own.score() == 4


@pytest.mark.parametrize("kind, is_", [("link", "a link, which is"), ("folder", "no ordinary")])
def test_a_link_or_a_folder_in_place_of_a_notebook_is_told(own, tmp_path, capsys, kind, is_):
    place = own.folder / "submitted" / kind / "hw"
    place.mkdir(parents=True)
    path = place / "p1.ipynb"
    path.mkdir() if kind == "folder" else path.symlink_to(tmp_path)
    try:
        assert own.course("grade", "hw", "--student", kind) == 1
        said = capsys.readouterr().out
        assert f"{path} cannot be read (it is {is_}" in said and "not handed in" not in said
    finally:
        shutil.rmtree(place.parent)


def test_files_that_cannot_be_read_stop_nobody_else(own, monkeypatch, capsys):
    path, start = own.folder / "submitted" / "bob" / "hw" / "p1.ipynb", renamed.start

    def closed(asked):
        if asked == path:  # root may read everything, so the rights of a file do not do
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(asked))
        return start(asked)

    with monkeypatch.context() as patched:
        patched.setattr(renamed, "start", closed)
        assert own.course("grade", "hw", "--again") == 1
        said = capsys.readouterr().out
        assert f"{path} cannot be read (Permission denied); it was left as it is" in said
        assert (own.score(), own.score("bob")) == (4, 4)
        for command in ("export", "feedback", "report"):
            assert own.course(command, "hw") == 0
        assert own.course("similar", "hw") == 1
        assert "usual in a class; hw has 1." in capsys.readouterr().err
    assert own.course("grade", "hw") == 0


def test_a_time_that_is_none_is_told_before_anything_is_graded(own, monkeypatch, capsys):
    stamp = own.folder / "submitted" / "bob" / "hw" / "timestamp.txt"
    stamp.write_text("yesterday evening")
    try:
        with monkeypatch.context() as patched:
            patched.setattr(worker, "grade_submission", lambda *_: pytest.fail("was graded"))
            assert own.course("grade", "hw", "--again") == 1
        assert "timestamp.txt should hold a time" in capsys.readouterr().err
    finally:
        stamp.unlink()


def graded_again(own, capsys):
    """What `course grade` says about a change; then a further run must have nothing to say."""
    capsys.readouterr()
    assert own.course("grade", "hw") == 0
    said = capsys.readouterr().out
    own.course("grade", "hw")
    assert "graded again" not in capsys.readouterr().out
    return said


def test_what_has_not_changed_is_left_alone(own, capsys):
    assert "graded again" not in graded_again(own, capsys)


def test_a_changed_test_is_told_until_it_is_released_and_then_graded_again(own, capsys):
    own.write(TEST.format("sum(TABLE) + 1"), ANSWER.replace("sum(TABLE)", "sum(TABLE) + 1"))
    said = graded_again(own, capsys)
    assert "p1.ipynb in solutions/ was changed after its release (sum)" in said
    assert "course release hw" in said and own.score() == 4
    assert own.course("release", "hw") == 0
    said = graded_again(own, capsys)
    assert "2 submissions of hw were graded before its tests" in said
    assert own.score() == 0
    own.write(TEST.format("sum(TABLE)"))
    assert own.course("release", "hw") == 0
    assert own.course("grade", "hw", "--student", "ada") == 0
    said = capsys.readouterr().out
    assert "1 submission of hw was graded before its tests" in said
    assert "It is graded again" in said
    own.course("grade", "hw")
    assert own.score() == 4


def test_a_release_that_fails_leaves_the_earlier_one(own, capsys):
    released = own.folder / "assignments" / "hw" / "p1.ipynb"
    before, settings = released.read_bytes(), own.folder / "nbgrader_config.py"
    there, whole = sorted(own.folder.iterdir()), settings.read_text(encoding="utf-8")
    plugin = "from nbgrader.preprocessors import NbGraderPreprocessor\n\n\n"
    plugin += "class Fails(NbGraderPreprocessor):\n    def preprocess(self, nb, resources):\n"
    (own.folder / "failing_step.py").write_text(plugin + "        raise ValueError('nothing')\n")
    step = 'c.GenerateAssignment.preprocessors += ["failing_step.Fails"]\n'
    try:
        settings.write_text(f"{whole}\n{step}", encoding="utf-8")
        assert own.course("release", "--no-trial", "hw") == 1
        assert "could not release hw:\nValueError: nothing" in capsys.readouterr().err
    finally:
        settings.write_text(whole, encoding="utf-8")
        (own.folder / "failing_step.py").unlink()
        shutil.rmtree(own.folder / "__pycache__", ignore_errors=True)
    assert released.read_bytes() == before and sorted(own.folder.iterdir()) == there
    assert own.course("release", "--no-trial", "hw") == 0
    assert released.read_bytes() == before and sorted(own.folder.iterdir()) == there


def test_a_release_that_cannot_be_put_into_place_leaves_the_earlier_one(own, monkeypatch, capsys):
    place = own.folder / "assignments" / "hw"
    before, around = (place / "p1.ipynb").read_bytes(), sorted(place.parent.iterdir())
    rename = Path.rename

    def full(path, target):
        if Path(target) == place and not path.name.startswith("."):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    assert own.course("release", "--no-trial", "hw") == 1
    assert f"{place}: the disk is full" in capsys.readouterr().err
    assert (place / "p1.ipynb").read_bytes() == before
    assert sorted(place.parent.iterdir()) == around


def test_nbgraders_own_command_keeps_a_release_that_ours_would_keep(tmp_path):
    """As the formgrader's button, it would delete the release, and then stop at the flaw."""
    own = Own(tmp_path)
    assert own.course("release", "--no-trial", "hw") == 0
    released = tmp_path / "assignments" / "hw" / "p1.ipynb"
    before = released.read_bytes()
    own.write(TEST.format("sum(TABLE) "), points=5)
    result = CourseFolder(tmp_path).api.generate_assignment("hw")
    assert not result["success"] and released.read_bytes() == before
    assert "hw cannot be released" in result["log"] and "about the points" in result["log"]
    own.write(TEST.replace("4 points", "5 points").format("sum(TABLE)"), points=5)
    assert CourseFolder(tmp_path).api.generate_assignment("hw")["success"]
    assert "(5 points)" in released.read_text()
    own.source.rename(own.source.with_suffix(".txt"))  # nothing to release is no flaw
    assert not CourseFolder(tmp_path).api.generate_assignment("hw")["success"]
    assert "(5 points)" in released.read_text()


def test_an_unreleased_assignment_does_not_stop_the_released_ones(own, capsys):
    for folder, file in (("solutions/aa", own.source), ("submitted/ada/aa", own.source)):
        (own.folder / folder).mkdir()
        shutil.copy(file, own.folder / folder)
    assert own.course("grade") == 1
    said = capsys.readouterr()
    assert "aa is left out" in said.err and "Run: course release aa" in said.err
    assert re.search(r"ada +4 / 4", said.out) and re.search(r"bob +4 / 4", said.out)
    assert own.course("grade", "--student", "bob") == 0
    shutil.rmtree(own.folder / "submitted" / "ada" / "aa")
    assert own.course("release", "--no-trial", "aa") == 0
    capsys.readouterr()
    assert own.course("grade", "aa") == 1
    said = capsys.readouterr().err
    assert "Nobody has handed in aa." in said and "into submitted/STUDENT/aa/." in said
    for folder in ("solutions/aa", "assignments/aa"):
        shutil.rmtree(own.folder / folder)


def test_a_notebook_that_came_after_the_release_is_named(own, capsys):
    more = own.source.with_name("p2.ipynb")
    shutil.copy(own.source, more)
    try:
        for command in ("grade", "pack"):
            assert own.course(command, "hw") == 1
            said = capsys.readouterr().err
            assert f"{more} is not in the release of hw." in said and "course release hw" in said
    finally:
        more.unlink()


def test_a_changed_table_beside_the_notebook_is_graded_again(own, capsys):
    own.table.write_text("TABLE = [1, 2, 3]\n")
    assert own.course("release", "hw") == 0
    assert "2 submissions of hw were graded before" in graded_again(own, capsys)
    assert (own.score(), own.score("bob")) == (0, 4)
    own.table.write_text("TABLE = [1, 2]\n")
    assert own.course("release", "hw") == 0


def test_changed_points_settings_and_code_of_the_course_make_grades_stale(own, monkeypatch):
    from course.grading import job as jobs
    from course.grading.grade import job_of

    course = CourseFolder(own.folder)
    before = job_of(course, "hw")
    assert job_of(course, "hw").name == before.name
    names = {before.name}
    cell = before.official["p1"]["sum"]
    for change in (
        lambda job: setattr(job.official["p1"]["sum"], "points", 5),
        lambda job: setattr(job.official["p1"]["sum"], "source", cell.source + " "),
        lambda job: job.config.update(Judge={"timeout": 7}),
        lambda job: job.files.update({"mytable.py": b"TABLE = 3"}),
        lambda job: job.solution.update(p1=[]),
        lambda job: monkeypatch.setattr(
            jobs, "_own_code", lambda: {"course/check/__init__.py": b""}
        ),
    ):
        job = job_of(course, "hw")
        change(job)
        names.add(job.name)
    assert len(names) == 7


FAILING = {
    "a wrong solution": ("assert answer == 4, 'Add them.'", ANSWER, "Add them."),
    "an attribute": ("assert answer.real == 3", ANSWER, "answer.real: a test cell can use"),
    "a module that is not there": ("import notthere", ANSWER, "No module named 'notthere'"),
    "a solution that stops": ("assert answer == 3", ANSWER + "\n1 / 0", None),
    "an answer that is not given": ("assert answer == 3", "answer = None", "answer == 3 does not"),
}


@pytest.mark.parametrize("case", FAILING)
def test_an_assignment_whose_own_solution_fails_is_not_released(tmp_path, capsys, case):
    test, answer, said = FAILING[case]
    own = Own(tmp_path)
    own.write(f"# Exercise sum (4 points)\n{test}", answer)
    status = own.course("release", "hw")
    out, err = capsys.readouterr()
    if said is None:  # the name was there before: nothing is lost
        assert status == 0 and "its solution passes every check" in out
        return
    assert status == 1 and not (tmp_path / "assignments").exists()
    assert "hw is not released, because its own solution fails:" in err
    assert "p1, sum: " in err and said in err and "--no-trial" in err
    assert own.course("release", "--no-trial", "hw") == 0


MARKED = "<<<<<<< HEAD\nanswer = 3\n=======\nanswer = 4\n>>>>>>> other"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
FLAWED = {
    "a merge conflict": (MARKED, "line 1 begins with <<<<<<<: the cell holds two versions"),
    "half a merge conflict": ("answer = 3\n>>>>>>> other", "line 2 begins with >>>>>>>"),
    "an answer that is no Python": ("answer = (3", "is not Python ('(' was never closed, line 1: "),
    "a magic that is none": ("answer = %", "is not Python (invalid syntax, line"),
    "an empty solution": (f"{BEGIN}\n\n{END}", "between lines 1 and 3, where SOLUTION should be"),
    "an open solution": (f"{BEGIN}\nanswer = 3", "begins SOLUTION, and no line ends it: add"),
    "a solution in a solution": (f"{BEGIN}\n{BEGIN}\nx = 3\n{END}", "and line 2 does once more."),
    "an end alone": (f"answer = 3\n{END}", "line 2 ends SOLUTION, and no line begins it."),
    "a hidden test in an answer": (
        "answer = 3\n### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS",
        "holds HIDDEN TESTS, but its nbgrader metadata do not make it a test",
    ),
}  # fmt: skip


def test_a_flaw_in_the_source_is_told_as_such_before_the_solution_is_tried(tmp_path, capsys):
    own = Own(tmp_path)
    right = own.source.read_text(encoding="utf-8")

    def said(text=None):
        if text is not None:
            own.source.write_text(text, encoding="utf-8")
        for command in (("release", "hw"), ("publish", str(tmp_path / "copy"), "hw")):
            assert own.course(*command) == 1 and not (tmp_path / "assignments").exists()
        err = capsys.readouterr().err
        assert "solution fails" not in err and err.count("hw cannot be released:") == 2
        return err

    for case, (answer, expected) in FLAWED.items():
        own.write(TEST.format("sum(TABLE)"), answer)
        err = said()
        assert err.count("p1.ipynb, cell 2 (sum-answer): ") == 2, case
        assert expected in err, case
    own.write(TEST.format("sum(TABLE)") + f"\n{BEGIN}\nx = 3\n{END}", ANSWER)
    assert "(sum): holds SOLUTION, but its nbgrader metadata do not make it an answer" in said()
    own.write(TEST.format("sum(TABLE)") + "\n%time 3", ANSWER)  # the grader is no IPython
    assert "cell 3 (sum): is not Python (invalid syntax, line 3: %time 3)." in said()
    lines = right.splitlines(keepends=True)
    conflict = "".join([*lines[:5], "<<<<<<< HEAD\n", "=======\n", ">>>>>>> x\n", *lines[5:]])
    assert "hw/p1.ipynb holds two versions from a merge conflict (line 6)" in said(conflict)
    assert "hw/p1.ipynb is not JSON; a notebook has to be JSON" in said(right[:-9])
    assert "hw/p1.ipynb is empty." in said("")


@pytest.mark.parametrize("key", ["points", "grade", "solution", "locked", "schema_version"])
def test_metadata_of_an_old_nbgrader_are_a_sentence(tmp_path, capsys, key):
    own = Own(tmp_path)
    nb = json.loads(own.source.read_text(encoding="utf-8"))
    for cell in nb["cells"]:
        cell["metadata"].get("nbgrader", {}).pop(key, None)
    own.source.write_text(json.dumps(nb), encoding="utf-8")
    assert own.course("release", "hw") == 1
    said = capsys.readouterr().err
    assert f"its nbgrader metadata lack {key}." in said and "nbgrader update ." in said


def test_magics_are_no_flaw(tmp_path):
    own = Own(tmp_path)
    own.write(TEST.format("sum(TABLE)"), "%matplotlib inline\nx = !ls\nsum?\nawait work()")
    assert source_problems(own.source) == []
    own.write(TEST.format("sum(TABLE)"), "%%bash\nls -l | wc")
    assert source_problems(own.source) == []


def test_where_nothing_can_be_contained_a_release_says_that_it_was_not_tried(
    tmp_path, capsys, monkeypatch
):
    def refuse(*_):
        raise outside.BoxError("Student code cannot be contained on this machine.\n  no bwrap")

    monkeypatch.setattr(outside, "box", refuse)
    assert Own(tmp_path).course("release", "hw") == 0
    err = capsys.readouterr().err
    assert "hw was not tried on its solution: Student code cannot be contained" in err


def test_who_has_an_earlier_release_is_not_told_to_have_changed_it(tmp_path):
    """The test, its points and the stub are released anew after two students took the notebook."""
    own = Own(tmp_path)
    stub = "answer = {}\n### BEGIN SOLUTION\nanswer = sum(TABLE)\n### END SOLUTION"
    nothing = "answer = {}\n# YOUR CODE HERE\nraise NotImplementedError()"
    own.write(TEST.format("4"), stub.format(None))
    assert own.course("release", "--no-trial", "hw") == 0
    own.hand_in("ada", "answer = sum(TABLE)")
    own.hand_in("bob", nothing.format(None))
    newer = TEST.replace("4 points", "5 points").format("sum(TABLE)")
    own.write(newer, stub.format(0), points=5)
    assert own.course("release", "--no-trial", "hw") == 0
    own.hand_in("eve", "answer = sum(TABLE)")
    own.hand_in("kim", nothing.format(0))
    own.hand_in("lea", "answer = sum(TABLE)")
    bare = own.folder / "submitted" / "lea" / "hw" / "p1.ipynb"
    nb = nbformat.read(bare, 4)  # a program has left out all metadata of the earlier release
    nb.metadata.pop("course")
    for each in nb.cells:
        each.metadata.clear()
    nb.cells[2].source = TEST.format("3").replace("4 points", "9 points")
    nbformat.write(nb, bare)
    changed = own.folder / "submitted" / "eve" / "hw" / "p1.ipynb"
    changed.write_text(changed.read_text().replace("assert answer", "assert True or answer"))
    assert own.course("grade", "hw") == 0
    ada, bob, eve, kim, lea = (
        read_result(CourseFolder(own.folder), "hw", student)
        for student in ("ada", "bob", "eve", "kim", "lea")
    )
    assert (ada.score, bob.score, eve.score, kim.score) == (5, 0, 5, 0)
    assert ada.repairs == [
        "The cell sum came from an earlier release; the present one took its place."
    ]
    assert (bob.lost, bob.open) == (kim.lost, kim.open)  # an older stub is no answer
    assert eve.repairs[0].startswith("The locked cell sum had been changed; it was restored.")
    assert lea.score == 5 and any(
        said.startswith(
            "The locked cell sum was not as in the present release: somebody had changed it, or it "
            "came from an earlier release."
        )
        for said in lea.repairs
    )
