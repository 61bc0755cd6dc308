"""The loop an instructor relies on: right, wrong, damaged and forged answers get their points."""

import html
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course.grading.demo import as_colab_saves, with_copied_cell
from course.grading.folder import CourseFolder
from course.grading.out.filled import comment
from course.grading.out.scores import scored
from course.grading.sandbox import outside
from tests.bank import lenet
from tests.classroom import Classroom


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


def lost(result):
    return {name for name, _, _ in result.lost}


def sentences(result):
    return {name: messages for name, _, messages in result.lost}


CHEATS = {
    "an object equal to everything": """
class Anything(dict):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __getitem__(self, key): return self
    def __call__(self, *a, **k): return self
    def __getattr__(self, name): return self
shapes = parameters = subsampling = c3_parameters = more = Anything()
count_parameters = lenet5 = scaled_tanh = subsample = c3_maps = lenet5_1998 = later = shapes
""",
    "asserts and raises stripped": """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Raise(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Strip())
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
""",
    "counts patched": """
keras.Model.count_params = lambda self: 61706
keras.Model.output_shape = (None, 10)
def lenet5(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(classes)(layers.Flatten()(inputs)))
lenet5_1998 = later = lenet5
import course.check, course.diagnosis, course.evidence.observe, course.evidence.trace
course.diagnosis.diagnose = lambda *a, **k: []
course.check.networks.nearest = lambda network, tables: (tables[0], [])
for name in ("model", "block", "choice", "shapes", "parameters", "value", "function"):
    setattr(course.check, name, lambda *a, **k: None)
""",
    "names shadowed": """
class Check:
    def __getattr__(self, name): return lambda *a, **k: None
check = course.check = Check()
import sys
sys.modules["course.check"] = check
AssertionError = CheckFailed = type("Nothing", (BaseException,), {})
LENET5 = LENET5_1998 = LENET5_RELU = None
""",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_gains_nothing(room, cheat):
    nb = room.written(**dict.fromkeys(room.right, ""))
    next(c for c in nb.cells if c.id == "shapes-answer").source = CHEATS[cheat]
    _, result = room.grade("cheat", nb)
    assert result.score == 0


def test_a_tag_that_skips_tests_gains_nothing(room):
    nb = room.written(**dict.fromkeys(room.right, ""))
    for cell in nb.cells:
        cell.metadata["tags"] = ["skip-execution"]
    _, result = room.grade("tagged", nb)
    assert result.score == 0 and lost(result) == room.points().keys()


def test_imports_of_the_student_are_never_executed_by_the_grader(room, tmp_path):
    """A cell dressed up as the instructor's locked set-up must not run outside the kernel."""
    mark = tmp_path / "pid"
    nb = room.written()
    setup = next(c for c in nb.cells if c.id == "imports")
    fake = nbformat.v4.new_code_cell("from evil import anatomy, LENET5", id="evil")
    fake.metadata["nbgrader"] = {**setup.metadata["nbgrader"], "grade_id": "evil"}
    nb.cells.insert(0, fake)
    next(c for c in nb.cells if c.id == "lenet-shapes").source = f"open({str(mark)!r}, 'w')"
    _, result = room.grade("dressed-up", nb)
    assert result.score == 100  # the right answers count, the disguise does not
    assert not mark.exists()


def test_hidden_arguments_are_drawn_anew_for_each_submission(room):
    tells = """
def scaled_tanh(a):
    assert a.shape != (3, 4), f"asked for {a[0, 0]}"
    return 1.7159 * ops.tanh(2 * a / 3)
"""
    said = set()
    for student in ("first", "second"):
        _, result = room.grade(student, room.written(squash_answer=tells))
        ((message,),) = [texts for name, _, texts in result.lost if name == "lenet-squash"]
        assert "asked for" in message
        said.add(message)
    assert len(said) == 2


def test_a_warning_on_stderr_costs_nothing(room):
    noisy = 'import sys\nprint("W0000 gpu not found", file=sys.stderr)\n'
    answers = {
        name.replace("-", "_"): noisy + source.replace("return ", 'sys.stderr.write("!"); return ')
        for name, source in room.right.items()
    }
    _, result = room.grade("noisy", room.written(**answers))
    assert (result.score, result.lost) == (100, [])


def test_a_dead_kernel_costs_what_was_not_answered_and_says_so(room):
    deadly = "def lenet5(input_shape=(32, 32, 1), classes=10):\n    import os\n    os._exit(0)\n"
    status, result = room.grade("dead", room.written(model_answer=deadly))
    assert (status, result.score) == (0, 8 + 8 + 7)
    said = sentences(result)["lenet-model"][0]
    assert "the kernel died when lenet5 was used" in said
    assert "the kernel died" in sentences(result)["lenet-relu"][0]


@pytest.mark.parametrize("broken", [1, 2])
def test_where_the_warm_box_gives_no_kernel_a_cold_one_takes_over(
    room, monkeypatch, caplog, tmp_path, broken
):
    """The log says so; and if there is none either, the submission fails with the reason."""
    address, asked = outside.Box.address, []

    def nobody_listens_at_first(box):
        asked.append(box)
        return {"folder": str(tmp_path)} if len(asked) <= broken else address.fget(box)

    monkeypatch.setattr(outside.Box, "address", property(nobody_listens_at_first))
    _, result = room.grade(f"cold{broken}", room.written())
    assert "The warm box gave no kernel" in caplog.text
    assert "a cold one takes over" in caplog.text
    assert len(asked) == 2 and asked[0] is not asked[1]
    if broken == 1:
        assert (result.failed, result.score) == (None, 100)
    else:
        assert "A kernel could not be started" in result.failed


def test_damaged_notebooks_lose_nothing_and_say_what_was_done(room):
    nb = room.written()
    nb = with_copied_cell(nb, "lenet-model")
    answer = next(c for c in nb.cells if c.id == "model-answer")
    answer.metadata = {}
    answer.id = "0a1b2c3d"
    nb.cells = [c for c in nb.cells if c.id not in ("lenet-squash", "c3-count-answer")]
    next(c for c in nb.cells if c.id == "lenet-c3").cell_type = "raw"
    nb = as_colab_saves(nb)
    _, result = room.grade("damaged", nb)
    assert lost(result) == {"lenet-c3-count"}
    said = "\n".join(result.repairs)
    assert "second copy of the cell lenet-model" in said
    assert "model-answer had lost its metadata" in said
    assert "locked cell lenet-squash was missing" in said
    assert "answer c3-count-answer was missing" in said


def test_plain_nbgrader_grades_the_same(room):
    """The instructor's other door: `nbgrader autograde` in the course folder."""
    room.submit("plain", room.written(model_answer=lenet.MISTAKES[4].source))
    program = Path(sys.executable).parent / "nbgrader"
    done = subprocess.run(
        [program, "autograde", room.assignment, "--student", "plain"],
        cwd=room.folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert room.result("plain").score == 80


def test_without_a_sandbox_grades_are_marked(room, capsys):
    marked = "Graded WITHOUT a sandbox"
    room.submit("trusting", room.written())
    arguments = "grade", room.assignment, "--student", "trusting", "--again"
    status = room.course(*arguments, "--unsafe-no-sandbox")
    out, err = capsys.readouterr()
    if "never runs as root" in err:
        pytest.skip(err)
    assert status == 0 and marked in out
    assert (room.result("trusting").score, room.result("trusting").contained) == (100, False)
    assert room.course(*arguments) == 0
    assert marked not in capsys.readouterr().out and room.result("trusting").contained


def test_no_setting_turns_the_sandbox_off(room, capsys):
    settings = room.folder / "nbgrader_config.py"
    before = settings.read_text()
    settings.write_text(before + "\nc.Judge.sandbox = 'none'\n")
    try:
        room.submit("careless", room.release)
        assert room.course("grade", room.assignment, "--student", "careless") != 0
        assert "--unsafe-no-sandbox" in capsys.readouterr().err
    finally:
        settings.write_text(before)


def test_a_file_that_is_no_notebook_fails_alone(room, capsys):
    room.submit("broken", '{"cells": [')
    room.submit("whole", room.release)
    status = room.course(
        "grade", room.assignment, "--student", "broken", "--student", "whole", "--again"
    )
    out = capsys.readouterr().out
    assert status == 1
    assert "broken  not graded: " in out
    assert re.search(r"\n  2/2  \S+  .+\n", out)
    assert "/ 100" in out


def test_feedback_shows_findings_and_no_hidden_tests(room):
    room.grade("reader", room.written(model_answer=lenet.MISTAKES[4].source))
    assert room.course("feedback", room.assignment, "--student", "reader") == 0
    page = next((room.folder / "feedback" / "reader").rglob("*.html")).read_text()
    assert "C1 gives 32 × 32 × 6, the table has 28 × 28 × 6." in " ".join(page.split())
    assert "HIDDEN" not in page and "random.randint" not in page


def test_a_cell_that_stops_is_the_reason_in_table_page_and_comment(room, capsys):
    capsys.readouterr()
    stops = f"import numpy as np\nimport pandas as pd\n{room.right['model-answer']}"
    _, result = room.grade("pandas", room.written(model_answer=stops))
    said = "The cell of lenet5 stops with an error. ModuleNotFoundError: No module named 'pandas' "
    said += "(line 2: import pandas as pd). The grader has only NumPy, Keras,"
    assert sentences(result)["lenet-model"][0].startswith(said)
    assert f"lenet-model: {said}" in capsys.readouterr().out
    assert room.course("feedback", room.assignment, "--student", "pandas") == 0
    page = next((room.folder / "feedback" / "pandas").rglob("*.html")).read_text()
    assert said in html.unescape(" ".join(page.split()))
    (one,) = scored(CourseFolder(room.folder), [room.assignment], ["pandas"])
    assert f"lenet-model: {said}" in html.unescape(comment(one))


def test_one_mistake_costs_once_and_everything_says_so(room, capsys):
    """Table, score, page, report and the LMS's comment."""
    (mistake,) = [m for m in lenet.MISTAKES if m.name == "plain tanh"]
    capsys.readouterr()
    _, result = room.grade("once", room.written(squash_answer=mistake.source))
    said = "Judged with the official scaled_tanh, because yours is not right (see lenet-squash)."
    assert result.score == 100 - room.points()["lenet-squash"]
    assert dict(result.remarks) == dict.fromkeys(mistake.follows, said)
    assert f"lenet-1998: {said}" in capsys.readouterr().out
    assert room.course("feedback", room.assignment, "--student", "once") == 0
    page = next((room.folder / "feedback" / "once").rglob("*.html")).read_text()
    assert " ".join(page.split()).count(said) >= 3
    report = room.folder / "report.html"
    assert room.course("report", room.assignment, "--to", str(report)) == 0
    text = " ".join(report.read_text().split())
    assert "1 with an exercise that was judged with the official answer to an earlier one" in text
    assert "FOLLOWS" not in text and "follows" not in text
    (one,) = scored(CourseFolder(room.folder), [room.assignment], ["once"])
    assert f"lenet-c3: {said}" in comment(one)


def test_export_writes_every_score(room):
    room.grade("exported", room.release)
    target = room.folder / "out.csv"
    assert room.course("export", "--to", str(target)) == 0
    import csv

    rows = {r["student"]: r for r in csv.DictReader(target.open(encoding="utf-8-sig"))}
    assert float(rows["exported"]["score"]) == 0 and float(rows["exported"]["max_score"]) == 100
    assert rows["exported"]["lenet-model"] == "0.0"


STOPS = {
    "model_answer": """
def lenet5(input_shape=(32, 32, 1), classes=10):
    x = inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation="tanh", name="C1")(x)
    x = layers.AveragePooling2D(2, name="S2")
    x = layers.Conv2D(16, 5, activation="tanh", name="C3")(x)
    return keras.Model(inputs, x)
""",
    "squash_answer": """
def scaled_tanh(a):
    raise NotImplementedError()
    return 1.7159 * ops.tanh(2 / 3 * a)
""",
    "subsample_answer": """
def scale(x):
    return layers.DepthwiseConv2D()(x)

def subsample(x, name):
    x = layers.AveragePooling2D(2)(x)
    return scale(x)
""",
    "c3_answer": """
class Maps(layers.Layer):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(16, 5)
        def call(self, x):
            return self.conv(x)

def c3_maps(x):
    return Maps()(x)
""",
    "net1998_answer": """
def lenet5_1998(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    model = keras.Model(inputs, layers.Flatten()(inputs))
    model.compile("adam", "mse")
    model.fit(np.zeros((2, *input_shape)), np.zeros((2, classes)))
    return model
""",
}


def test_code_that_stops_is_told_with_the_students_line(room):
    _, result = room.grade("stops", room.written(**STOPS))
    said = {name: messages[0] for name, messages in sentences(result).items()}
    assert said["lenet-model"] == (
        "S2 is a layer that was not called; write layers.AveragePooling2D(…)(x) "
        '(line 4: x = layers.AveragePooling2D(2, name="S2")).'
    )
    assert (
        "raise NotImplementedError is still in your answer. Delete that line (line 2: "
        in (said["lenet-squash"])
    )
    assert (
        "(line 2: return layers.DepthwiseConv2D()(x), called in line 6: return scale(x))"
        in (said["lenet-subsample"])
    )
    assert "the class Maps has no call(). Begin `def call` in the column" in said["lenet-c3"]
    assert "a check only builds the network, and fit() trains it." in said["lenet-1998"]
