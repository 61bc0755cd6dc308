"""The loop of every assignment: right answers score full marks, nothing scores nothing, and each
typical mistake costs its points and gets its sentence."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from course.check.file import found_in
from course.diagnosis.causes import Cause
from course.grading.demo import as_colab_saves, model_answers
from course.grading.own import house
from tests import classroom
from tests.bank import packs
from tests.classroom import OURS, ROOT, Classroom, bank_name, load_bank

BANKS = {name: load_bank(name) for name in sorted(map(bank_name, classroom.BANKS))}


NOT_ANSWERED = Cause.NOT_ANSWERED.value


class Class:
    """All cases of a bank, each handed in by a student of its own and graded by one command.

    Every second student works in Colab, and a trip through Colab changes no points.
    """

    def __init__(self, folder, name):
        self.bank = BANKS[name]
        assignment = Path(self.bank.NOTEBOOK).parent.name
        self.room = room = Classroom(folder, assignment, name)
        room.submit("solution", room.solution)
        room.submit("untouched", room.release)
        cases = {_id(style): answers for style, answers in self.bank.RIGHT.items()}
        for pack in packs(self.bank.MISTAKES):
            cases[_id(*(m.name for m in pack))] = {m.cell: m.source for m in pack}
        for number, (student, answers) in enumerate(cases.items()):
            nb = room.written(**answers)
            room.submit(student, nb if number % 2 else as_colab_saves(nb))
        self.status = room.course("grade", assignment)

    def result(self, *case):
        return self.room.result(_id(*case))

    def ran(self, *case):
        """The code cells of the graded notebook."""
        path = self.room.folder / "autograded" / _id(*case) / self.room.assignment
        nb = nbformat.read(path / f"{self.room.name}.ipynb", 4)
        return [cell for cell in nb.cells if cell.cell_type == "code"]


def _id(*words):
    return re.sub(r"\W+", "-", " ".join(words))[:60].strip("-")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A function from a bank's name to its Class, which is graded once."""
    return cache(lambda name: Class(tmp_path_factory.mktemp(name), name))


def of_each(pick):
    """(bank, case) for every case that `pick` finds in a bank."""
    return [
        pytest.param(name, case, id=f"{name}-{text}")
        for name, bank in BANKS.items()
        for text, case in pick(bank)
    ]


def each_case(pick):
    return pytest.mark.parametrize("name, case", of_each(pick))


each_bank = pytest.mark.parametrize("name", BANKS)


def lost(result):
    return {name for name, _, _ in result.lost}


def first_sentences(result):
    return {name: messages[0] for name, _, messages in result.lost}


def test_every_assignment_has_a_bank():
    assert {Path(bank.NOTEBOOK).parent.name for bank in BANKS.values()} == set(OURS)


@each_bank
def test_every_answer_has_two_right_ways_and_three_mistakes(name):
    """Of each answer cell: the solution, another style, and three mistakes."""
    bank = BANKS[name]
    nb = nbformat.read(ROOT / "solutions" / bank.NOTEBOOK, 4)
    assert house.bank_problems(nb, bank) == []


@each_bank
def test_the_solution_gets_everything(graded, name):
    found = graded(name)
    result = found.result("solution")
    assert (found.status, result.score, result.lost) == (0, found.room.automatic(), [])
    assert result.maximum == 100


@each_bank
def test_the_untouched_release_gets_nothing_and_runs_to_its_end(graded, name):
    room, result = graded(name).room, graded(name).result("untouched")
    assert (result.score, result.maximum) == (0, 100)
    graded_cells = (cell.metadata.get("nbgrader", {}) for cell in room.solution.cells)
    assert lost(result) == {cell["grade_id"] for cell in graded_cells if cell.get("grade")}
    assert all("There is no answer yet." in text for text in first_sentences(result).values())
    cells = graded(name).ran("untouched")
    errors = {o.ename for c in cells for o in c.outputs if o.output_type == "error"}
    assert errors <= {"NotImplementedError", "CheckFailed"}
    assert all(c.execution_count or "course" in c.metadata for c in cells)


@each_case(lambda bank: [(style, style) for style in bank.RIGHT])
def test_every_right_way_of_writing_gets_everything(graded, name, case):
    result = graded(name).result(case)
    assert (result.score, result.lost) == (graded(name).room.automatic(), [])
    # The cells between the answers take them, too.
    cells = graded(name).ran(case)
    errors = [(c.id, o.evalue) for c in cells for o in c.outputs if o.output_type == "error"]
    # One right answer draws its network with Keras, which needs what is not installed here.
    assert [error for error in errors if "plot_model" not in error[1]] == []


@each_case(lambda bank: [(", ".join(m.name for m in p), p) for p in packs(bank.MISTAKES)])
def test_every_typical_mistake_costs_its_points_and_gets_its_sentence(graded, name, case):
    room, result = graded(name).room, graded(name).result(*(mistake.name for mistake in case))
    assert lost(result) == {name for mistake in case for name in mistake.lost}, result.lost
    assert result.score == room.automatic() - sum(room.points()[name] for name in lost(result))
    for mistake in case:
        assert mistake.sentence in first_sentences(result)[mistake.lost[0]]
        for later in mistake.follows:
            assert dict(result.remarks)[later].startswith("Judged with the official ")


@each_bank
def test_what_is_said_before_is_what_is_found(graded, name):
    """Of every file: `course check` tells the repairs, and calls nothing answered that is not."""
    room = graded(name).room
    files = sorted(room.folder.glob(f"submitted/*/{room.assignment}/{room.name}.ipynb"))
    for path in files:
        if path.parts[-3] == "solution":
            continue  # it is no release
        found, result = found_in(path.read_bytes(), path.name), room.result(path.parts[-3])
        assert found.compared and found.repairs == result.repairs
        first = first_sentences(result)
        unanswered = {exercise for exercise, text in first.items() if NOT_ANSWERED in text}
        left = {exercise for exercise, why in found.exercises.items() if why}
        by_hand = found.exercises.keys() - room.points().keys()
        assert unanswered <= left <= unanswered | by_hand, path
    assert len(files) > 5


def test_the_answers_of_a_solution_are_found():
    """The parts of the bank's harness that everything above stands on."""
    solution = nbformat.read(ROOT / "solutions" / BANKS["lenet"].NOTEBOOK, 4)
    answers = model_answers(solution)
    assert "def lenet5(" in answers["model-answer"] and "###" not in answers["model-answer"]
