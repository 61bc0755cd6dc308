"""Damaged notebooks: every one becomes gradable, and nothing that a student wrote is lost."""

import ast
import json
import random
from copy import deepcopy

import nbformat
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum

from course.grading.demo import as_colab_saves
from course.grading.notebook.source import official_cells
from course.notebook.official import Release, checksum, grade_id, grade_ids, official_of
from course.notebook.read import MAX_BYTES, read_notebook
from course.notebook.repair import repair
from tests import made_up
from tests.classroom import Classroom


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def official(room):
    source = room.folder / "solutions" / room.bank.NOTEBOOK
    url = f"sqlite:///{room.folder / 'gradebook.db'}"
    return official_cells(url, room.assignment, room.name, source)


@pytest.fixture
def submitted(room):
    return room.written()


def mended(nb, official):
    """The repaired notebook, checked: each official cell once, locked ones as released."""
    content = nb if isinstance(nb, bytes) else nbformat.writes(nb, version=nbformat.NO_CONVERT)
    content = content if isinstance(content, bytes) else content.encode()
    read, problem = read_notebook(content)
    assert problem is None, problem
    fixed, said = repair(read, official)
    nbformat.validate(fixed)
    cells = [c for c in fixed.cells if "nbgrader" in c.metadata]
    ids = [c.metadata.nbgrader.grade_id for c in cells]
    assert sorted(ids) == sorted(official)
    for cell in cells:
        known = official[cell.metadata.nbgrader.grade_id]
        assert cell.cell_type == known.type
        assert cell.metadata.nbgrader.locked == known.locked
        assert cell.metadata.nbgrader.schema_version == MetadataValidator.schema_version
        if known.locked:
            assert cell.source == known.source
    return fixed, said


def source(nb, name):
    (cell,) = [c for c in nb.cells if grade_id(c) == name]
    return cell.source


def at(nb, name):
    (index,) = [i for i, c in enumerate(nb.cells) if c.id == name]
    return index


# Each damage takes the submitted notebook and may return another; the sentence is told to both.
DAMAGE = {}


def damage(sentence=None):
    def keep(function):
        DAMAGE[function.__name__] = (function, sentence)
        return function

    return keep


@damage()
def untouched(nb):
    pass


@damage()
def saved_by_colab(nb):
    return as_colab_saves(nb)


@damage("The locked cell lenet-model was missing")
def a_test_deleted(nb):
    del nb.cells[at(nb, "lenet-model")]


@damage("The locked cell setup was missing")
def the_setup_deleted(nb):
    del nb.cells[at(nb, "setup")]


@damage("The answer model-answer was missing")
def an_answer_deleted(nb):
    del nb.cells[at(nb, "model-answer")]


@damage("were missing")
def all_tests_deleted(nb):
    nb.cells = [c for c in nb.cells if not c.metadata.get("nbgrader", {}).get("grade")]


@damage("were missing")
def everything_deleted(nb):
    nb.cells = []


@damage("The cell model-answer held two versions from a merge conflict; both were kept.")
def a_merge_conflict_of_equal_versions(nb):
    """They differed in what an editor has changed since, such as the ends of their lines."""
    cell = nb.cells[at(nb, "model-answer")]
    cell.source = f"<<<<<<< local\n{cell.source}\n=======\n{cell.source}\n>>>>>>> remote\n"
    return nbformat.writes(nb).encode()


@damage("A second copy of the cell lenet-model was removed.")
def a_test_copied(nb):
    nb.cells.insert(at(nb, "lenet-model"), deepcopy(nb.cells[at(nb, "lenet-model")]))


@damage("A changed copy of the locked cell lenet-model was kept")
def a_test_copied_and_changed(nb):
    copy = deepcopy(nb.cells[at(nb, "lenet-model")])
    copy.source = "print('my own try')"
    nb.cells.insert(at(nb, "lenet-model") + 1, copy)


@damage("There was more than one answer model-answer: the last one was judged")
def an_answer_copied_and_left(nb):
    copy = deepcopy(nb.cells[at(nb, "model-answer")])
    copy.source = "def lenet5():\n    first_try = 1\n"
    nb.cells.insert(at(nb, "model-answer"), copy)


@damage("The locked cell lenet-model had been changed; it was restored.")
def a_test_changed(nb):
    nb.cells[at(nb, "lenet-model")].source = "assert True"


@damage("The locked cell imports had been changed; it was restored.")
def the_imports_changed(nb):
    nb.cells[at(nb, "imports")].source += "\nimport os\n"


@damage("The cell lenet-model is a code cell again.")
def a_test_turned_into_text(nb):
    nb.cells[at(nb, "lenet-model")] = new_markdown_cell(
        nb.cells[at(nb, "lenet-model")].source,
        metadata=nb.cells[at(nb, "lenet-model")].metadata,
        id="lenet-model",
    )


@damage("The cell model-answer is a code cell again.")
def an_answer_turned_raw(nb):
    nb.cells[at(nb, "model-answer")].cell_type = "raw"
    for key in ("outputs", "execution_count"):
        nb.cells[at(nb, "model-answer")].pop(key, None)


@damage("lost their metadata; they were found by their text")
def all_metadata_wiped(nb):
    for cell in nb.cells:
        cell.metadata = {}


@damage("lost their metadata")
def metadata_and_ids_wiped(nb):
    for number, cell in enumerate(nb.cells):
        cell.metadata, cell.id = {}, f"{number:08x}"


@damage("The cell model-answer had lost its metadata")
def an_answer_pasted_into_a_new_cell(nb):
    index = at(nb, "model-answer")
    nb.cells[index] = new_code_cell(nb.cells[index].source)


@damage("The answer model-answer was not in its cell; it was found in another cell.")
def an_answer_written_below_the_empty_one(nb):
    index = at(nb, "model-answer")
    nb.cells.insert(index + 1, new_code_cell(nb.cells[index].source))
    nb.cells[index].source = ""


@damage("The answer model-answer had been split into two cells; it was joined.")
def an_answer_split_in_the_middle(nb):
    index = at(nb, "model-answer")
    lines = nb.cells[index].source.splitlines()
    nb.cells[index].source = "\n".join(lines[:1])
    nb.cells.insert(index + 1, new_code_cell("\n".join(lines[1:])))


@damage()
def an_answer_emptied(nb):
    nb.cells[at(nb, "model-answer")].source = ""


@damage()
def cells_shuffled(nb):
    random.Random(0).shuffle(nb.cells)


@damage()
def points_and_flags_forged(nb):
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=1000, grade=True, solution=True, locked=False)


@damage()
def a_schema_of_the_future(nb):
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["schema_version"] = 999


@damage()
def tags_that_skip_execution(nb):
    for cell in nb.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]


@damage()
def another_kernel(nb):
    nb.metadata["kernelspec"] = {"name": "evil", "display_name": "evil"}


@damage("Saved widget states were left out")
def widgets_without_state(nb):
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"a": 1}}


@damage()
def a_badge_on_top(nb):
    nb.cells.insert(0, new_markdown_cell('<a href="x">Open In Colab</a>'))


@damage()
def doubled_cell_ids(nb):
    for cell in nb.cells:
        cell.id = "same"


@damage()
def metadata_of_a_wrong_kind(nb):
    for number, cell in enumerate(nb.cells):
        if number % 3 == 0 and "nbgrader" not in cell.metadata:
            cell.metadata["nbgrader"] = [1, 2]


@damage()
def the_old_format_three(nb):
    return nbformat.writes(nb, version=3).encode()


@damage()
def without_ids_as_format_4_0(nb):
    data = json.loads(nbformat.writes(nb))
    data["nbformat_minor"] = 0
    for cell in data["cells"]:
        cell.pop("id", None)
    return json.dumps(data).encode()


@damage()
def with_a_byte_order_mark(nb):
    return b"\xef\xbb\xbf" + nbformat.writes(nb).encode()


@damage()
def with_windows_line_ends(nb):
    data = json.loads(nbformat.writes(nb))
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return json.dumps(data).encode()


@damage()
def with_line_ends_that_are_not_escaped(nb):
    return nbformat.writes(nb).encode().replace(b'\\n"', b'\n"')


@damage()
def a_lone_surrogate(nb):
    data = json.loads(nbformat.writes(nb))
    data["cells"].append({"cell_type": "code", "source": "x = '\ud800'"})
    return json.dumps(data).encode()


@damage()
def broken_cells_between(nb):
    data = json.loads(nbformat.writes(nb))
    data["cells"][3:3] = [1, None, "text", {}, {"source": 5}, {"source": [1, None]}, []]
    return json.dumps(data).encode()


@damage()
def outputs_of_any_kind(nb):
    data = json.loads(nbformat.writes(nb))
    for cell in data["cells"]:
        cell["outputs"] = [{"output_type": "nonsense"}, 7, {"errorDetails": {"a": []}}]
    return json.dumps(data).encode()


@damage()
def no_metadata_at_all(nb):
    data = json.loads(nbformat.writes(nb))
    data.pop("metadata"), data.pop("nbformat"), data.pop("nbformat_minor")
    for cell in data["cells"]:
        cell.pop("outputs", None), cell.pop("execution_count", None)
    return json.dumps(data).encode()


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_mended_and_told(name, submitted, official):
    function, sentence = DAMAGE[name]
    before = {c.source for c in submitted.cells if c.source.strip()}
    nb = function(submitted)
    after = nb if nb is not None else submitted
    fixed, said = mended(after, official)
    if sentence:
        assert sentence in "\n".join(said)
        assert sentence in fixed.cells[0].source
    if not isinstance(after, bytes):
        assert_nothing_lost(after, fixed, official)
    # Whatever was still there of the right answers is where it is graded.
    if name not in ("an_answer_deleted", "everything_deleted", "an_answer_emptied"):
        assert source(fixed, "model-answer").replace("\r\n", "\n").strip() in {
            text.strip() for text in before
        }


def assert_nothing_lost(before, fixed, official):
    """Each text that a student can have written stands somewhere in the result."""
    released = {line.rstrip() for cell in official.values() for line in cell.source.splitlines()}
    whole = "\n".join(cell.source for cell in fixed.cells)
    for cell in before.cells:
        name = grade_id(cell)
        if name in official and official[name].locked:
            continue  # a changed locked cell is restored, and that is said
        for line in cell.source.splitlines():
            assert line.rstrip() in whole or line.rstrip() in released


STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
ALIKE = [  # (id, text in the release): two answers with one stub, two texts with another
    ("first-goal", "Write 1."), ("first-answer", STUB), ("first", "# Exercise first (1 points)"),
    ("next-goal", "Write 2."), ("next-answer", STUB), ("next", "# Exercise next (1 points)"),
    ("why-goal", "Why?"), ("why", "YOUR ANSWER HERE"),
    ("how-goal", "How?"), ("how", "YOUR ANSWER HERE"),
]  # fmt: skip


def alike(**answers):
    """A notebook of ALIKE, with these answers (dashes as underscores)."""
    nb = nbformat.v4.new_notebook()
    for name, text in ALIKE:
        code = name.startswith(("first", "next")) and not name.endswith("-goal")
        about = {"schema_version": 3, "grade_id": name, "grade": True, "task": False, "points": 1}
        about["solution"] = "answer" in name or not code
        cell = (new_code_cell if code else new_markdown_cell)(
            answers.get(name.replace("-", "_"), text), id=name
        )
        if not name.endswith("-goal"):
            cell.metadata["nbgrader"] = about | {"locked": not about["solution"]}
        nb.cells.append(cell)
    return nb


@pytest.mark.parametrize("name", ["first-answer", "next-answer", "why", "how"])
@pytest.mark.parametrize("kept", ["all", "ids", "nothing"])
def test_answers_with_the_same_stub_are_told_apart(name, kept):
    official = official_of(alike())
    mine = "mine = 1" if "answer" in name else "Because it is."
    nb = alike(**{name.replace("-", "_"): mine})
    for number, cell in enumerate(nb.cells):
        cell.metadata = cell.metadata if kept == "all" else {}
        cell.id = cell.id if kept != "nothing" else f"{number:08x}"
    fixed, said = mended(nb, official)
    open_ = [other for other in ("first-answer", "next-answer", "why", "how") if other != name]
    for other in open_:
        assert source(fixed, other) == dict(ALIKE)[other]
    if kept == "all":
        assert said == []
    if kept != "nothing" or name in ("why", "how"):
        assert source(fixed, name) == mine
        assert not any("missing" in line for line in said)


@settings(
    deadline=None,
    max_examples=120,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_mixture_of_damage(data, room, official):
    nb = room.written()
    for _ in range(data.draw(st.integers(1, 6))):
        if not nb.cells:
            break
        index = data.draw(st.integers(0, len(nb.cells) - 1))
        cell = nb.cells[index]
        what = data.draw(st.integers(0, 6))
        if what == 0:
            del nb.cells[index]
        elif what == 1:
            nb.cells.insert(data.draw(st.integers(0, len(nb.cells))), deepcopy(cell))
        elif what == 2:
            cell.metadata = {}
        elif what == 3:
            cell.source = data.draw(st.text(max_size=40))
        elif what == 4:
            half = len(cell.source) // 2
            nb.cells.insert(index + 1, new_code_cell(cell.source[half:]))
            cell.source = cell.source[:half]
        elif what == 5:
            cell.metadata["nbgrader"] = {"grade_id": data.draw(st.sampled_from(list(official)))}
        else:
            nb.cells[index] = new_markdown_cell(cell.source, metadata=cell.metadata)
    mended(nb, official)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["cells", "source", "metadata", "nbgrader", "id"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200, phases=[Phase.explicit, Phase.generate])
@given(value=_JSON)
def test_any_json_is_read_or_refused_with_a_reason(value):
    for data in (value, {"cells": value}, {"cells": [value, {"source": value, "metadata": value}]}):
        nb, problem = read_notebook(json.dumps(data).encode("utf-8", "surrogatepass"))
        assert (nb is None) != (problem is None)
        if nb is not None:
            nbformat.validate(nb)


@settings(deadline=None, max_examples=200, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_bytes_changed_in_a_real_file_are_read_or_refused(data, room):
    content = bytearray(nbformat.writes(room.release).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at_ = data.draw(st.integers(0, len(content) - 1))
        content[at_ : at_ + data.draw(st.integers(0, 50))] = data.draw(st.binary(max_size=5))
    nb, problem = read_notebook(bytes(content))
    assert (nb is None) != (problem is None)


REFUSED = [
    (b"", "is empty"),
    (b"  \n", "is empty"),
    (b"PK\x03\x04zip\xff", "is a zip file: unpack it"),
    (b"<html>", "is not JSON"),
    (b'{"cells": [', "is not JSON"),
    (b"[" * 100_000, "nested more than 100"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested more than 100"),
    (b'{"cells": ' + b"9" * 10_000 + b"}", "is not JSON"),
    (b"[1, 2]", "no list of cells"),
    (b'{"cells": {"a": 1}}', "no list of cells"),
    (b" " * (MAX_BYTES + 1), "MB that are allowed: clear its outputs, and save it again"),
    (b'{"cells": [' + b"{}," * 3000 + b"{}]}", "3,001 cells"),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED)
def test_what_is_no_notebook_is_refused_with_its_reason(content, reason):
    nb, problem = read_notebook(content)
    assert nb is None and reason in problem


def test_the_cells_of_the_oldest_format_are_found():
    assert read_notebook(b'{"worksheets": [1]}')[0] is not None


def test_brackets_in_texts_do_not_count_as_nesting():
    text = "[" * 1000 + '"\\'
    nb, problem = read_notebook(json.dumps({"cells": [{"source": text}]}).encode())
    assert problem is None and nb.cells[0].source == text


def test_grade_ids_are_found_in_the_text_of_tests(submitted):
    for cell in submitted.cells:
        cell.metadata, cell.id = {}, "x"
    assert "lenet-model" in grade_ids(submitted)


@pytest.mark.parametrize(
    "parts",
    [
        ["def f(x):\n    y = x", "    return y"],  # each is Python, as IPython runs it
        ["def f(x):\n    y = x\n    ", "return y"],
        ['def f(x):\n    """The same."""', "    y = x\n    return y"],
        ['def f(x):\n    """The same."""', "    y = x", "    # done\n    return y"],
        ["def f(x):\n    y = x\n    if y:", "        y = 1\n    return y"],
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_halves_of_a_function_that_are_python_by_themselves_are_joined(parts, told):
    stub = made_up.answer("f-answer", "def f(x):\n    raise NotImplementedError()")
    test = made_up.graded("f", "check.function(f, [1], gives=[1])")
    official = Release.of({"f-answer": stub, "f": test}, nbformat.v4.new_notebook())
    halves = [new_code_cell(part) for part in parts]
    if told:
        halves[0].metadata["nbgrader"] = {"grade_id": "f-answer"}
    nb = nbformat.v4.new_notebook(cells=[*halves, test.restored(test.source)])
    fixed, said = repair(nb, official)
    *_, answer, last = fixed.cells
    assert (answer.id, last.id) == ("f-answer", "f")
    assert "".join(answer.source.split()) == "".join("".join(parts).split())
    ast.parse(answer.source)
    assert any("had been split into" in line for line in said)


def test_a_split_answer_is_joined_though_its_first_half_became_a_text_cell():
    stub = made_up.answer("f-answer", "def f(x):\n    raise NotImplementedError()")
    official = Release.of({"f-answer": stub}, nbformat.v4.new_notebook())
    first = new_markdown_cell("def f(x):\n    y = (x")
    first.metadata["nbgrader"] = {"grade_id": "f-answer"}
    nb = nbformat.v4.new_notebook(cells=[first, new_code_cell("    + 1)\n    return y")])
    fixed, said = repair(nb, official)
    assert source(fixed, "f-answer") == "def f(x):\n    y = (x\n    + 1)\n    return y"
    assert any("had been split into" in line for line in said)


def test_a_typing_error_moves_no_test_below_a_released_cell_that_has_this_name():
    stub = made_up.answer("f-answer", "def f(x):\n    raise NotImplementedError()")
    test = made_up.graded("f", "check.function(f, [1], gives=[1])")
    cells = [stub.restored(stub.source), test.restored(test.source), new_code_cell("unit = f(1)")]
    release = nbformat.v4.new_notebook(cells=cells)
    official = Release.of({"f-answer": stub, "f": test}, release)
    nb = deepcopy(release)
    nb.cells[0].source = "def f(x):\n    units = x\n    return unit"
    fixed, said = repair(nb, official)
    assert [cell.source for cell in fixed.cells] == [cell.source for cell in nb.cells]
    assert said == []


def test_a_checksum_is_that_of_nbgrader(submitted):
    read, _ = read_notebook(nbformat.writes(submitted).encode())
    known = [cell for cell in submitted.cells if cell.metadata.get("nbgrader")]
    told = [cell for cell in read.cells if cell.metadata]
    assert [*map(checksum, told)] == [*map(checksum, known)] == [*map(compute_checksum, known)]
