"""A name that did not come about: told as such, with the error and the line that kept it away."""

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course import check
from course.evidence import watch
from course.evidence.cells import Stop, Undefined, asked, definitions
from tests.made_up import answer, graded, handed_in, job_of, judged, locked

STUB = 'def f(n):\n    """n + 1"""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
GOOD = "def f(n):\n    return n + 1"


@pytest.mark.parametrize(
    "source, names",
    [
        (GOOD, {"f": (1, 2)}),
        ("shapes: dict = {}\n\nshapes['C1'] = 3", {"shapes": (1, 1)}),
        ("a, (b, *c) = 1, (2, 3)", {"a": (1, 1), "b": (1, 1), "c": (1, 1)}),
        ("%matplotlib inline\nif True:\n    !ls\n    x = 1", {"x": (2, 4)}),
        ("import numpy as np, os.path", {"np": (1, 1), "os": (1, 1)}),
        ("for i in range(3):\n    y = await g(lambda z: z)", {"i": (1, 2), "y": (1, 2)}),
        ("x = 1\nx = 2", {"x": (2, 2)}),
        ("def f(n:\n    m = 3\ntotal= “5”\nsize : int = 3\nif a == b:", {
            "f": (1, 1), "total": (3, 3), "size": (4, 4)}),
        ("x = " + "(" * 5000, {"x": (1, 1)}),
        ("", {}),
    ],
)  # fmt: skip
def test_what_a_cell_defines(source, names):
    assert definitions(source) == names


def test_what_is_kept_from_being_made():
    made = Undefined()
    source = "a = 1\nb = 1 / 0\nc = 2"
    made.ran(source, Stop("ZeroDivisionError", "division by zero", 2), also={"d"})
    assert made.why_missing("a") is None
    for name in "bcd":
        assert made.why_missing(name) == (
            f"The cell of {name} stops with an error. "
            "ZeroDivisionError: division by zero (line 2: b = 1 / 0)."
        )
    made.ran("b = 3")
    assert made.why_missing("b") is None and made.why_missing("c")


def test_the_names_that_checks_are_about():
    source = "check.model(lenet5, like=LENET5)\nfor n in (1, 2):\n    check.value(share, n)\nf(x)"
    source += "\ncheck.function(f, [1], like=g)\ncheck.progress({})\ncheck.value(3, other)"
    assert set(asked(source)) == {"lenet5", "share", "f"}
    assert asked("check.value(") == []


# --- graded

JOB = job_of(
    locked("imports", "from course import check"),
    answer("f-answer", STUB),
    graded("f", "check.function(f, [1], gives=[2])"),
    answer("value-answer", "share = None\n# YOUR CODE HERE\nraise NotImplementedError()"),
    graded("value", "check.value(share, 3)"),
)

STOPPED = {
    "a package that is not there": (
        f"import os\nimport pandas as pd\n{GOOD}",
        "ModuleNotFoundError: No module named 'pandas' (line 2: import pandas as pd). "
        "The grader has only NumPy",
    ),
    "input": ("n = input('?')\n" + GOOD, "EOFError: EOF when reading a line (line 1: n = input"),
    "a syntax error": ("def f(n:\n    return n + 1", "SyntaxError: "),
    "curly quotes": (
        f"{GOOD}\nname = “f”",
        "invalid character '“' (U+201C) (line 3: name = “f”). The line has quotation marks",
    ),
    "a no-break space": (
        "def f(n):\n    return\u00a0n + 1",
        "U+00A0 (line 2: return n + 1). The line has quotation marks or blanks from a text editor",
    ),
    "no-break spaces before it": (
        "def f(n):\n\u00a0\u00a0return n + 1",
        "U+00A0 (line 2: return n + 1). The line has quotation marks or blanks from a text editor",
    ),
    "a sign without a width": (
        "def f(\u200bn):\n    return n + 1",
        "U+200B (line 1: def f(\\u200bn):). The line has quotation marks or blanks",
    ),
    "a sign from a book": (
        "def f(n):\n    return n × 1 + 1",
        "'×' (U+00D7) (line 2: return n × 1 + 1). Python writes * in place of ×.",
    ),
    "a full-width sign": ("def f(n， m=1):\n    return n + m", "Python writes , in place of ，."),
    "a form of a later Python": (
        'type Number = int\nnames = {"a": 1}\n' + GOOD,
        "(line 1: type Number = int). This is Python 3.11. If your own Python (3.12 or later)",
    ),
    "an f-string of a later Python": (
        'names = {"a": 1}\ntext = f"{names["a"]}"\n' + GOOD,
        "write it in a form that 3.11 has, too.",
    ),
    "an indentation": ("def f(n):\nreturn n + 1", "IndentationError: "),
    "an exception before": (f"1 / 0\n{GOOD}", "ZeroDivisionError: division by zero (line 1"),
    "an exception in the definition": (
        "def f(n, m=one):\n    return n", "NameError: name 'one' is not defined (line 1: def f("),
    "a helper of one's own": (
        "def g():\n    return []['a']\n\nx = g()\n" + GOOD, "TypeError: list indices must be"),
    "the answer below the line that raises": (
        f"raise NotImplementedError()\n{GOOD}",
        "Line 1 still says raise NotImplementedError(): delete that line, run the cell again."),
    "a class of one's own": (
        "class Mine(Exception):\n    def __str__(self): raise ValueError\nraise Mine()\n" + GOOD,
        "(line 3: raise Mine())"),
    "exit": ("import sys; sys.exit(3)\n" + GOOD, "stops with an error. SystemExit: 3."),
}  # fmt: skip

if sys.version_info[:2] != (3, 11):
    STOPPED = {name: stopped for name, stopped in STOPPED.items() if "later Python" not in name}


def test_graded_the_reason_is_the_error_of_the_answers_own_cell():
    official = {}
    for number, (name, (source, _)) in enumerate(STOPPED.items()):
        official[name] = f"f{number}", source.replace("def f(", f"def f{number}(")
    cells_ = [locked("imports", "from course import check")]
    for called, _ in official.values():
        cells_.append(answer(f"{called}-answer", STUB.replace("def f(", f"def {called}(")))
        cells_.append(graded(called, f"check.function({called}, [1], gives=[2])"))
    job = job_of(*cells_)
    answers = {f"{called}_answer": source for called, source in official.values()}
    _, found = judged(job, handed_in(job, **answers))
    for name, (_, said) in STOPPED.items():
        passed, (message,) = found[official[name][0]]
        called = official[name][0]
        assert not passed and message.startswith(f"The cell of {called} stops"), (name, message)
        assert said.replace("def f(", f"def {called}(") in message.replace("\u00a0", " "), name
        assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "answers, said",
    [
        ({}, "There is no answer yet."),
        ({"f_answer": STUB + "\n"}, "There is no answer yet."),
        ({"f_answer": "def f(n):\n    return n\n\n1 / 0"}, "f(1) gives 1, it should give 2."),
        ({"f_answer": "def f(n):\n    return pd.Index(n)\n\nimport pandas as pd"},
         "NameError: name 'pd' is not defined (line 2: return pd.Index(n)). The call was f(1). "
         "pd is not defined because of ModuleNotFoundError: No module named 'pandas' (line 4"),
        ({"f_answer": "import os\nos._exit(3)"}, "the kernel"),
    ],
)  # fmt: skip
def test_graded_other_reasons_stay(answers, said):
    _, found = judged(JOB, handed_in(JOB, **answers))
    passed, messages = found["f"]
    assert not passed and said in messages[0]


def test_graded_an_older_value_is_not_taken_for_the_answer():
    job = job_of(
        locked("imports", "from course import check\ndef f(n):\n    return n"),
        answer("f-answer", STUB),
        graded("f", "check.function(f, [1], gives=[2])"),
    )
    _, found = judged(job, handed_in(job, f_answer="def f(n:\n    return n + 1"))
    assert "The cell of f stops with an error. SyntaxError" in found["f"][1][0]
    _, found = judged(job, handed_in(job, f_answer="x = f(1)\n" + GOOD))
    assert found["f"] == (True, [])


def test_graded_a_filled_table_above_the_line_that_raises_is_an_answer():
    answer_ = "share = 3\n# YOUR CODE HERE\nraise NotImplementedError()"
    _, found = judged(JOB, handed_in(JOB, value_answer=answer_))
    assert found["value"] == (True, [])
    below = "share = None\nraise NotImplementedError()\nshare = 3"
    _, found = judged(JOB, handed_in(JOB, value_answer=below))
    assert "Line 2 still says raise NotImplementedError(): delete that line" in found["value"][1][0]


# --- in a notebook


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a cell in a notebook whose checks are watched; gives its error, or None."""
    shell = InteractiveShell.instance()
    monkeypatch.setattr(watch, "_watching", None)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(shell, "showtraceback", lambda *a, **k: None)
    monkeypatch.setattr(shell, "showsyntaxerror", lambda *a, **k: None)
    watch.watch()
    watch.watch()  # a set-up cell that is run twice changes nothing
    shell.user_ns["check"] = check

    def run(source):
        result = shell.run_cell(source)
        return result.error_before_exec or result.error_in_exec

    with check.silently():
        yield run
    shell.events.unregister("pre_run_cell", watch._watching.begins)
    shell.events.unregister("post_run_cell", watch._watching.ran)
    InteractiveShell.clear_instance()


CHECK = "# Exercise f (1 points)\ncheck.function(f, [1], gives=[2])"


def test_a_check_before_its_answer_is_open(run):
    error = run(CHECK)
    assert error.card.state == "open" and "f is not answered yet" in str(error)
    assert isinstance(run("f"), NameError)  # nothing stays behind
    assert run(GOOD) is None and run(CHECK) is None


def test_a_check_after_an_error_in_its_answer_says_so(run):
    assert isinstance(run("def f(n:\n    return n"), SyntaxError)
    error = run(CHECK)
    assert "The cell of f stops with an error. SyntaxError" in str(error)
    assert "(line 1: def f(n:)" in str(error)
    assert run(GOOD) is None and run(CHECK) is None


def test_an_older_version_is_told_as_such_until_the_cell_has_run(run):
    assert run("def f(n):\n    return n") is None
    run("print(undefined)\n" + GOOD)
    error = run(CHECK)
    assert "The cell of f stops with an error. NameError: name 'undefined'" in str(error)
    assert "(line 1: print(undefined))" in str(error)
    assert run("assert f(1) == 1") is None  # it is there as it was
    run("def f(n):\n    return n + 1\n\nf(1) / 0")
    assert run(CHECK) is None


def test_a_name_of_the_course_that_is_missing_stays_a_name_error(run):
    run(GOOD)
    error = run("# Exercise f (1 points)\ncheck.model(f, like=UNKNOWN)")
    assert isinstance(error, NameError) and "UNKNOWN" in str(error)


@pytest.mark.parametrize("typed", ["f == 3", 'f["C1"] = 3', "f.size += 1"])
def test_an_answer_that_defines_nothing_is_not_told_to_be_missing(run, typed):
    assert isinstance(run(typed), NameError)
    said = (
        f"The cell of f stops with an error. NameError: name 'f' is not defined (line 1: {typed})"
    )
    assert said in str(run(CHECK))
    assert run(GOOD) is None and run(CHECK) is None


def test_a_cell_that_only_uses_an_answer_is_not_its_cell(run):
    assert isinstance(run("g = f(3)"), NameError)
    assert run(CHECK).card.state == "open"


def test_a_check_calls_an_answer_by_the_name_that_it_asks_for(run):
    run("f = lambda n: n\nsizes = [3]")
    assert "✗ f is not right.\n  f: The value is not right. f(1) gives 1" in str(run(CHECK))
    assert "✗ sizes is not right." in str(run("# Exercise s (1 points)\ncheck.value(sizes, [4])"))
