"""An instructor's own assignment: begun by `course new`, tried by `course try`."""

import re
import runpy
import shutil
import sys
from copy import deepcopy
from dataclasses import replace
from functools import partial

import keras
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course import check
from course.anatomy import anatomy
from course.architectures.mobilenet import MOBILENET
from course.architectures.vgg import VGG16
from course.cli import main
from course.grading.folder import CourseFolder
from course.grading.own import house
from course.grading.own.bank import read_bank
from tests.classroom import ROOT

ASSIGNMENT = "09-tiny-net"


@pytest.fixture
def begun(tmp_path):
    """The folder of a course that `course new` has begun, with one assignment."""
    assert main(["new", "--course", str(tmp_path), ASSIGNMENT]) == 0
    return tmp_path


def source(folder):
    return folder / "solutions" / ASSIGNMENT / "tiny-net.ipynb"


def test_what_new_writes_is_in_the_style_of_the_house(begun, capsys):
    nb, bank = nbformat.read(source(begun), 4), read_bank(begun / "banks" / f"{ASSIGNMENT}.py")
    nbformat.validate(nb)
    assert house.style_problems(nb) + house.bank_problems(nb, bank) == []
    assert "from tables.tiny_net import TINY_NET" in "".join(cell.source for cell in nb.cells)
    written = [path for path in begun.rglob("[!.]*") if path.is_file()]
    assert len(written) == 4 and not any("@" in path.read_text() for path in written)
    assert 'course_id = "' + begun.name in (begun / "nbgrader_config.py").read_text()


def test_a_begun_course_has_the_settings_of_this_one(begun, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", other)
    theirs, ours = CourseFolder(begun).config, CourseFolder(other).config
    for config in (theirs, ours):
        for name in ("course_id", "root"):
            del config.CourseDirectory[name]
    theirs.CourseDirectory.ignore = theirs.CourseDirectory.ignore.to_dict()
    ours.CourseDirectory.ignore = ours.CourseDirectory.ignore.to_dict()
    assert theirs == ours
    assert str(begun) in sys.path  # so that a plugin beside the settings is found


def test_new_overwrites_nothing(begun, capsys):
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    assert main(["new", "--course", str(begun), ASSIGNMENT]) == 1
    assert "is there already, and nothing is overwritten" in capsys.readouterr().err
    source(begun).unlink()
    source(begun).parent.rmdir()
    assert main(["new", "--course", str(begun), ASSIGNMENT]) == 1  # its table and its bank are
    assert "tables/tiny_net.py is there already" in capsys.readouterr().err
    left = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    assert left.items() <= before.items()


@pytest.mark.parametrize(
    "name", ["09 net", "Net", "09-", "9", "09-net+", "../net", "09-größe", "09-class", "a" * 40]
)
def test_a_name_that_cannot_be_one_is_refused(name, tmp_path, capsys):
    assert main(["new", "--course", str(tmp_path), name]) == 1
    said = capsys.readouterr().err
    assert f"Received: {name}" in said and "as 09-mobilenet" in said
    assert not [path for path in tmp_path.rglob("*") if path.name != ".course.lock"]


def cell(nb, name):
    return next(each for each in nb.cells if each.id == name)


def change(name, old, new):
    def changed(nb):
        assert old in cell(nb, name).source
        cell(nb, name).source = cell(nb, name).source.replace(old, new)

    return changed


def tag(name, tags):
    return lambda nb: cell(nb, name).metadata.update(tags=tags)


def two_hundred(nb):
    cell(nb, "tiny-net-work").metadata.nbgrader.points = 120


def random_id(nb):
    cell(nb, "work-drawn").id = "3f2a91c0"


def on_a_gpu(nb):
    nb.metadata["accelerator"] = "GPU"


CHECK = "tiny-net-network"
FAULTS = {
    "points": (two_hundred, "its exercises have 200 points together; it should be 100."),
    "no heading": (change("above-network-table", "## 1", "1"), "stands below no heading with"),
    "no goal": (change("above-work-answer-1", "**Goal.** ", ""), "has no part Goal: begin a"),
    "not at the end": (
        change("above-progress", "So it does", "\n\n**Build.** Now it does"),
        "should begin with its Goal and end with What you should see. It",
    ),
    "progress": (change("progress", '"tiny-net-work": 20', '"tiny-net-work": 2'), "should list"),
    "no progress": (change("progress", "check.progress(", "print("), "should be check.progress"),
    "random id": (random_id, "the random id 3f2a91c0. Name it"),
    "long cell": (change("work-drawn", "fig", "a = 1\n" * 40 + "fig"), "has 41 lines; 40 are"),
    "no tag": (tag("work-answer", []), "cell work-answer should have the tag raises-exception"),
    "a tag": (tag("imports", ["raises-exception"]), "cell imports should not have the tag"),
    "setup": (change("setup", "if not find_spec", "if find_spec"), "its cell setup differs"),
    "a kernel of one's own": (
        lambda nb: nb.metadata.kernelspec.update(name="conda-env-tf-py"),
        "its kernel is 'conda-env-tf-py', which students' machines may not have.",
    ),
    "reference": (
        change(CHECK, "check.model(network, like", "check.function(network, [1], like"),
        "shows students a reference (like=). Put it between ### BEGIN HIDDEN TESTS",
    ),
    "less in grading": (change(CHECK, "import random", "# NBGRADER_EXECUTION"), "the same of all"),
    "overwritten": (
        change("tiny-net-work", "hint = ", "conv2_macs = hint = "),
        "tiny-net-work overwrites the answer conv2_macs",
    ),
    "not asked": (
        change("work-answer", "conv2_macs", "macs_of_conv2"),
        "nothing asks for what the answer work-answer defines",
    ),
    "accelerator": (on_a_gpu, 'take "accelerator" out of its metadata'),
    "a level left out": (
        change("above-network-table", "## 1", "#### More\n\n## 1"),
        "the heading 'More' has ####; it should have at most ##.",
    ),
    "two titles": (
        change("above-network-table", "## 1", "# More\n\n## 1"),
        "the heading 'More' has #; it should have ##.",
    ),
    "a picture without words": (
        change("above-progress", "So it does", "![](maps.png) So it does"),
        "cell above-progress has a picture without a text for those who do not see it",
    ),
    "a column without a name": (
        change(
            "above-progress", "So it does", "\n\n| | maps |\n|---|---|\n| a | 3 |\n\nSo it does"
        ),
        "cell above-progress has a table with a column without a name: '| maps'.",
    ),
    "question": (
        change("above-progress", "**What you should see.**", "**Derive.** Why?"),
        "the question 'Why?' in above-progress has no answer to unfold",
    ),
    "not folded": (
        change("above-work-answer", "<summary>Answer</summary>\n\n", "<summary>Answer</summary>\n"),
        "does not fold its answer away as all viewers can show it",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_in_the_style_is_told(fault, begun):
    nb = nbformat.read(source(begun), 4)
    make, sentence = FAULTS[fault]
    make(nb)
    assert any(sentence in said for said in house.style_problems(nb)), house.style_problems(nb)


def test_an_exercise_that_only_a_person_grades_needs_no_test(begun):
    nb = nbformat.read(source(begun), 4)
    (answer,) = (cell for cell in nb.cells if cell.id == "work-answer")
    answer.cell_type, answer.source = "markdown", "It is small."
    answer.metadata.nbgrader |= {"grade": True, "points": 20}
    nb.cells = [cell for cell in nb.cells if cell.id != "tiny-net-work"]
    assert [said for said in house.style_problems(nb) if "has no check" in said] == []


def test_faults_of_a_bank_are_told(begun):
    nb, bank = nbformat.read(source(begun), 4), read_bank(begun / "banks" / f"{ASSIGNMENT}.py")
    del bank.RIGHT["sequential"]["work-answer"]
    bank.RIGHT["sequential"]["model-answer"] = ""
    bank.MISTAKES[0] = replace(bank.MISTAKES[1], lost=("tiny-net-model",))
    bank.MISTAKES.pop()
    said = house.bank_problems(nb, bank)
    assert [sentence.partition(" ")[2][:60] for sentence in said] == [
        "bank has no other right way of writing work-answer. The solu",
        "bank has 2 mistakes in work-answer; there should be three.",
        "bank answers the cell model-answer, and the notebook has no ",
        "bank says that a mistake costs tiny-net-model, and the noteb",
        "mistakes have the name 'one map read'.",
    ]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda text: text.replace("RIGHT =", "WRONG ="), "should have a dict RIGHT; it has none."),
        (lambda text: f"{text}\nMISTAKES.append(3)", "Entry 10 of MISTAKES in "),
        (lambda text: f"{text}\nMISTAKES[10]\n", "cannot be read: IndexError: list index"),
        (lambda text: f"{text}\n)", "SyntaxError: unmatched ')'"),
        (lambda text: f"{text}\nraise SystemExit(3)", "cannot be read: SystemExit: 3"),
        (
            lambda text: f"{text}\nNOTEBOOK = 'x/y.ipynb'\n",
            "NOTEBOOK of the bank should be",
        ),
    ],
)
def test_a_bank_that_cannot_be_used_is_refused(change, said, begun, capsys):
    path = begun / "banks" / f"{ASSIGNMENT}.py"
    path.write_text(change(path.read_text()))
    assert main(["try", "--course", str(begun), ASSIGNMENT]) == 1
    assert said in capsys.readouterr().err


def test_no_other_notebook_hands_an_answer_out(begun):
    nb = nbformat.read(source(begun), 4)
    other = deepcopy(nb)
    other.cells = [new_code_cell("def network(input_shape=(32, 32, 3), classes=10):\n    pass")]
    text = cell(nb, "network-answer").source.partition("SOLUTION\n")[2].partition("    ###")[0]
    other.cells += [new_markdown_cell(text)]
    first, second = house.handed_out({"tiny": nb, "other": other})
    assert "other hands out a function network(input_shape=(32, 32, 3), classes=10)." in first
    assert (
        second == "tiny, network-answer: other holds the text of its solution. Take it out there."
    )


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("[!.]*") if path.is_file()}


def test_an_assignment_is_tried(begun, capfd):
    """What `course new` wrote, with three entries of its bank made wrong."""
    path = begun / "banks" / f"{ASSIGNMENT}.py"
    text = path.read_text()
    for old, new in (
        ("conv2_macs = 1_179_648.0", "conv2_macs = 3"),  # a right answer that is none
        ("conv2_macs = 4640", "conv2_macs = 1_179_648"),  # a mistake that is none
        ('"conv1 gives 30', '"conv1 gives 31'),  # another sentence
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    before = files(begun)
    assert main(["try", "--course", str(begun), ASSIGNMENT]) == 1
    assert files(begun) == before
    said = capfd.readouterr().out
    assert "✓ the source of 09-tiny-net and its bank\n" in said
    lines = re.findall(r"^ +\d+/12  (.*)$", said, re.MULTILINE)
    assert len(lines) == 12
    wrong = sorted(line.partition(". ")[0] for line in lines if line.startswith("✗"))
    assert [re.sub(r" \(\d+ s\)$", "", line) for line in wrong] == [
        "✗ mistake, not padded: −60 points",
        "✗ mistake, parameters for work: −0 points",
        "✗ right, sequential: 80 of 100 points",
    ]
    assert "tiny-net-work should pass. It says: conv2_macs: The value is not right." in said
    assert "tiny-net-work should be lost (20 points), and it passes." in said
    assert "tiny-net-network should say 'conv1 gives 31 × 30 × 16, the table has 32" in said
    assert "✓ the solution: 100 of 100 points" in said
    assert "✓ the untouched notebook: 0 of 100 points" in said
    assert said.endswith("09-tiny-net has 3 problems. Mend what is wrong, and try it once more.\n")


def test_of_a_solution_that_fails_the_bank_is_not_tried(begun, capfd):
    """An untouched notebook gets no points, and no cell of it stops without a reason."""
    nb = nbformat.read(source(begun), 4)
    change("work-answer", "16 * 16 * 3", "16 * 3")(nb)
    right = "check.parameters(parameters, like=TINY_NET)"
    change("tiny-net-parameters", right, "check.value(1, 1)")(nb)
    change("work-drawn", "figures.cost", "figures.costs")(nb)
    nbformat.write(nb, source(begun))
    assert main(["try", "--course", str(begun), ASSIGNMENT]) == 1
    said = capfd.readouterr().out
    assert "tiny-net-work should pass. It says: conv2_macs: The value is not right." in said
    assert "tiny-net-parameters gives 20 points for nothing." in said
    assert "begins with 'figures.costs(TINY_NET)' stops without an answer (TypeError: " in said
    assert "mistake, " not in said


EXAMPLE = runpy.run_path(str(ROOT / "tables" / "mobilenet.py"))


def test_the_example_is_the_network_of_its_paper_and_of_keras():
    network, packaged = anatomy(EXAMPLE["MOBILENET"]), anatomy(MOBILENET)
    assert (network.trained, network.macs) == (4_231_976, 568_740_352)
    numbers = [[(r.step, r.shape, r.trained, r.macs) for r in net] for net in (network, packaged)]
    assert numbers[0] == numbers[1]
    for alpha in (1, 0.25):
        built = partial(keras.applications.MobileNet, weights=None, alpha=alpha)
        with check.silently():
            check.model(built, input_shape=(96, 96, 3), like=EXAMPLE["of_width"](alpha))


def test_the_numbers_in_the_example():
    """In its text, and in the reasons for its letters."""
    path = ROOT / "solutions" / "09-mobilenet" / "mobilenet.ipynb"
    text = "\n".join(each.source for each in nbformat.read(path, 4).cells)
    network, large = anatomy(EXAMPLE["MOBILENET"]), anatomy(VGG16)
    narrow = anatomy(EXAMPLE["of_width"](0.5))
    small = anatomy(EXAMPLE["MOBILENET"].with_(input_shape=(112, 112, 3)))

    def share(end, cost="macs"):
        rows = [row for row in network if row.name.endswith(end)]
        return sum(getattr(row, cost) for row in rows) / getattr(network, cost)

    assert f"{network.trained:,} trained parameters and makes {network.macs:,} mult" in text
    assert f"of the {narrow.trained:,} parameters" in text
    assert narrow.macs / network.macs == pytest.approx(1 / 4, abs=0.02)
    assert narrow.trained / network.trained == pytest.approx(1 / 3, abs=0.02)
    assert (small.trained, small.macs * 4) == (
        network.trained,
        pytest.approx(network.macs, rel=0.05),
    )
    assert f"{100 * share('_pw'):.0f} % of the multiplications are in 1 × 1" in text
    assert f"take {100 * share('_dw'):.0f} %" in text
    assert share("fc", "trained") == pytest.approx(1 / 4, abs=0.01)  # "a quarter"
    assert f"A {large.trained / network.trained:.0f}rd of the parameters and a " in text
    assert f"a {large.macs / network.macs:.0f}th of the multiplications" in text
    dense = sum(large[name].trained for name in ("fc6", "fc7", "fc8"))
    assert f"{dense:,} parameters in fc6, fc7 and fc8" in text
    assert f"leaves {network['fc'].trained:,}" in text
    weights = [network[name].parameters for name in ("conv1", "conv2_dw", "conv2_pw")]
    assert weights == [27 * 32, 288, 32 * 64] and "288 + 2048 = 2336" in text
    assert network["conv1"].grid == network["conv2_pw"].grid == (112, 112)
