"""What is printed: the answers of the banks through their checks, tables, cards, and commands."""

import contextlib
import io
import linecache
import os
import re
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import course.grading  # noqa: F401 -- first: without what it keeps out, nbformat takes 2 s more

# isort: split
import keras
import nbformat

from course import check
from course.architectures.lenet import LENET5, LENET5_1998
from course.cli import main
from course.grading.demo import model_answers
from tests.classroom import load_bank
from tests.golden import line, of_findings

ROOT = Path(__file__).parents[2]
HIDDEN = "### BEGIN HIDDEN"


def banks(names=()):
    """A line for each finding of each check, for every answer of the banks of these names, or all.

    All cells run here in one process, and without hidden tests, which draw their numbers. Checks
    above the cell of a mistake are left out: they say what they say of the solution.
    """
    with patch.dict(os.environ, NBGRADER_EXECUTION="autograde"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((ROOT / "tests" / "bank").glob("[!_]*.py")):
            if names and path.stem not in names:
                continue
            bank = load_bank(path.stem)
            solution = nbformat.read(ROOT / "solutions" / bank.NOTEBOOK, 4)
            cases = {"the solution": {}, **bank.RIGHT}
            cases |= {mistake.name: {mistake.cell: mistake.source} for mistake in bank.MISTAKES}
            for name, answers in cases.items():
                yield from map(_rounded, _checked(f"{path.stem}/{name}", solution.cells, answers))


def _rounded(text):
    """Numbers with four digits: processors differ in the later ones of a float32."""
    return re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.4g}", text)


def _checked(about, cells, answers):
    """The lines of one notebook, run from top to bottom."""
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id", cell.id) for cell in cells]
    code = [(n, c) for n, c in zip(ids, cells, strict=True) if c.cell_type == "code"]
    begin = ids.index(*answers) if len(answers) == 1 else 0
    changed, names = {**model_answers(SimpleNamespace(cells=cells)), **answers}, {}
    keras.config.set_dtype_policy("float32")  # an answer before may have set another
    names["__name__"] = "__main__"
    used = " ".join(c.source for _, c in code if "nbgrader" in c.metadata) + str(changed.values())
    for name, cell in code:
        meta, source = cell.metadata.get("nbgrader", {}), cell.source.partition(HIDDEN)[0]
        made = re.findall(r"^(?:def )?(\w+)(?:\(.*:| = )", source, re.MULTILINE)
        made += re.findall(r"^from \S+ import (\w+)$", source, re.MULTILINE)
        if meta.get("grade"):
            if ids.index(name) < begin:
                continue
            try:
                _executed(name, source, names)
                yield line(f"{about} | {name}", "right")
            except check.CheckFailed as failed:
                yield from of_findings(f"{about} | {name}", failed.findings)
            except Exception as error:
                yield line(f"{about} | {name}", f"RAISES {type(error).__name__}: {error}")
        elif (
            name == "imports"
            or meta.get("solution")
            or (re.search("def |^from ", source) and any(each in used for each in made))
        ):
            with contextlib.suppress(Exception):  # a mistake may well stop, and what needs it
                _executed(name, changed.get(name, source), names)


def _executed(name, source, names):
    file = f"<{name}>"  # so that what looks at a function's source finds it
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    keras.utils.set_random_seed(0)  # some wrong answers show what their own weights make
    with check.silently(), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, file, "exec"), names)


def anatomy():
    """The table of every network that is published, then cards, as text and as a page shows it."""
    from course import anatomy as anatomies
    from tests.published import every_table

    for name, table in every_table().items():
        yield from _titled(f"anatomy({name})", repr(anatomies.anatomy(table)))
    with _displayed() as cards:
        for name, checking in _CARDS.items():
            with contextlib.suppress(check.CheckFailed):
                checking()
            text = f"{cards[-1]}\n{cards[-1]._repr_html_()}"
            text = re.sub(r"\(line \d+:", "(line N:", text)  # of this file
            yield from _titled(f"card, {name}", text)


def _titled(title, text):
    return [f"=== {title}", *text.splitlines(), ""]


@contextlib.contextmanager
def _displayed():
    """The list of what a notebook would display."""
    shown = []
    with (
        patch("IPython.get_ipython", lambda: True),
        patch("IPython.display.display", lambda card, **_: shown.append(card)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield shown


def _of_model(corpus, name):
    def checking():
        build, table = getattr(import_module(f"tests.diagnosis.{corpus}"), name[0])[name[1]][:2]
        check.model(build, like=table)

    return checking


_MODELS = {
    "test_diagnosis": {
        "RIGHT": ("sequential",),
        "WRONG": (
            "C1-same", "F6-units", "max-pool-twice", "only-the-shape", "no-output",
            "a-third-dense-layer", "relu-for-tanh", "input-28-×-28", "1998:-C3-fully-connected",
        ),
    },
    "test_families": {
        "RIGHT": ("ResNet, 18 with biases", "VGG, 16"),
        "WRONG": (
            "VGG-16, a convolution missing", "ResNet-18, no shortcuts", "ResNet-18, a block more",
            "ResNet-18, projections everywhere", "GoogLeNet, reductions swapped",
        ),
    },
}  # fmt: skip
_CARDS = {
    name: _of_model(corpus, (kind, name))
    for corpus, kinds in _MODELS.items()
    for kind, names in kinds.items()
    for name in names
}
S2 = LENET5_1998.part("S2_mean", "S2", input_shape=(28, 28, 6))
_CARDS |= {
    "a value that is right": lambda: check.value(3, 3),
    "a value": lambda: check.value(3, 4, hint="Count again."),
    "a text for a value": lambda: check.value("<b>3</b>", 4),
    "some of several values": lambda: check.value({"a": 1, "b": None}, {"a": 2, "b": 3, "c": 4}),
    "no answer": lambda: check.value(None, 4),
    "shapes": lambda: check.shapes({"C1": (28, 28), "S2": [6, 14, 14], "C3": 3}, like=LENET5),
    "parameters": lambda: check.parameters({"C1": 150, "C5": None, "total": 1}, like=LENET5),
    "a function": lambda: check.function(abs, [1], [-2], gives=[1, -2], hint="Keep the sign."),
    "a function that stops": lambda: check.function(lambda x: x / 0, [1], gives=[1]),
    "no model": lambda: check.model(lambda: 3, like=LENET5),
    "a builder that stops": lambda: check.model(lambda: {}["a"], like=LENET5),
    "a block": lambda: check.block(lambda x: x, like=S2),
}


GRADED = [
    part for who in ["essay", "late", "right", "unsafe", "wrong"] for part in ("--student", who)
]
EXPORTS = ("scores", "canvas", "moodle")
COMMANDS = [
    "release",
    "publish",
    "collect",
    "grade",
    "feedback",
    "export",
    "report",
    "doctor",
    "demo",
]


def commands():
    """The help of every command, and what `course` prints and writes about a small class."""
    with patch.dict(os.environ, COLUMNS="100"), tempfile.TemporaryDirectory() as folder:
        for name in ((), *((each,) for each in COMMANDS)):
            said = _said(main, [*name, "--help"])
            yield from _titled(" ".join(("course", *name, "--help")), said)
        folder = Path(folder).resolve()
        with contextlib.redirect_stdout(io.StringIO()):
            school = _small_class(folder)
        for arguments in (
            ("grade", "hw", *GRADED),  # the sixth has no verdicts, and would be judged
            *(("export", "hw", "--format", kind, "--to", f"{folder}/{kind}") for kind in EXPORTS),
            ("report", "hw", "--to", f"{folder}/report.html"),
            ("feedback", "hw"),
            ("export", "nothing"),
        ):
            said = _said(school.course, *arguments).replace(str(folder), "FOLDER")
            title = " ".join(("course", *arguments)).replace(str(folder), "FOLDER")
            yield from _titled(title, re.sub(r"\d+( s\b| min\b| a minute)", r"N\1", said))
        for path in (folder / kind for kind in EXPORTS if (folder / kind).is_file()):
            yield from _titled(path.name, path.read_text(encoding="utf-8-sig"))
        for path in (folder / "report.html", *sorted(folder.glob("feedback/*/hw/*.html"))):
            text = _words(path.read_text(encoding="utf-8"))
            yield from _titled(str(path.relative_to(folder)), re.sub(r"(?<=[.:?!]) ", "\n", text))


def _said(run, *arguments):
    """What is printed on both streams, and the exit status."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = run(*arguments)
        except SystemExit as ends:
            status = ends.code
    return f"{said.getvalue()}exit status {status}"


def _words(page):
    """The text of a page."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", body).split())


def _small_class(folder):
    from tests.school import School

    school = School(folder)
    padded = ("conv2", "PADDING", 'The padding is "valid", the table has 2.')
    school.hand_in("right", first_name="José", last_name="Right", lms_user_id="101")
    school.hand_in("wrong", shapes=[padded], build=[padded, ("", "RAISES", "It stops.")])
    school.hand_in("late", days_late=4, lms_user_id="103")
    school.hand_in("essay", manual=None, repairs=["A cell was put back."])
    school.hand_in("broken", failed="p1.ipynb is not JSON")
    school.hand_in("unsafe", sandbox="none")
    return school
