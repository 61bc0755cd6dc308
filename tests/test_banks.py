"""The loop of every assignment: right answers score full marks, nothing scores nothing, and each
typical mistake costs its points and gets its sentence."""

from pathlib import Path

import nbformat
import pytest

from course.grading.demo import as_colab_saves, load_bank, model_answers
from tests.bank import packs
from tests.classroom import OURS, ROOT, Classroom

BANKS = {
    name: load_bank(ROOT, name)
    for name in sorted(p.stem for p in Path(__file__).with_name("bank").glob("[!_]*.py"))
}


@pytest.fixture(scope="module")
def room(request, tmp_path_factory):
    """A course folder with the assignment of a bank; tests of one bank share it."""
    bank = BANKS[request.param]
    assignment = Path(bank.NOTEBOOK).parent.name
    return Classroom(tmp_path_factory.mktemp(request.param), assignment, request.param)


def of_each(pick):
    """(bank, case) for every case that `pick` finds in a bank."""
    return [
        pytest.param(name, case, id=f"{name}-{text}")
        for name, bank in BANKS.items()
        for text, case in pick(bank)
    ]


each_bank = pytest.mark.parametrize(
    "room, case", of_each(lambda _: [("all", None)]), indirect=["room"]
)


def lost(result):
    return {name for name, _, _ in result.lost}


def first_sentences(result):
    return {name: messages[0] for name, _, messages in result.lost}


def test_every_assignment_has_a_bank():
    assert {Path(bank.NOTEBOOK).parent.name for bank in BANKS.values()} == set(OURS)


@pytest.mark.parametrize("name", BANKS)
def test_every_answer_has_two_right_ways_and_three_mistakes(name):
    """Of each answer cell: the solution, another style, and three mistakes."""
    bank = BANKS[name]
    metas = [
        cell.metadata.get("nbgrader", {})
        for cell in nbformat.read(ROOT / "solutions" / bank.NOTEBOOK, 4).cells
    ]
    known = {m["grade_id"] for m in metas if m.get("solution") and not m.get("grade")}
    for answer in known:
        assert any(answer in right for right in bank.RIGHT.values()), f"{answer}: no second style"
        wrong = [mistake.name for mistake in bank.MISTAKES if mistake.cell == answer]
        assert len(wrong) >= 3, f"{name}: {answer} has only the mistakes {wrong}"
    named = {m.cell for m in bank.MISTAKES} | {c for right in bank.RIGHT.values() for c in right}
    assert named <= known, f"{name}: no such answer cells: {named - known}"
    assert len({mistake.name for mistake in bank.MISTAKES}) == len(bank.MISTAKES)


@each_bank
def test_the_solution_gets_everything(room, case):
    status, result = room.grade("solution", room.solution)
    assert (status, result.score, result.lost) == (0, room.automatic(), [])
    assert result.maximum == 100


@each_bank
def test_the_untouched_release_gets_nothing_and_runs_to_its_end(room, case):
    status, result = room.grade("untouched", room.release)
    assert (status, result.score, result.maximum) == (0, 0, 100)
    assert lost(result) == room.points().keys()
    assert all("There is no answer yet." in text for text in first_sentences(result).values())
    path = room.folder / "autograded" / "untouched" / room.assignment / f"{room.name}.ipynb"
    cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    errors = {o.ename for c in cells for o in c.outputs if o.output_type == "error"}
    assert errors <= {"NotImplementedError", "CheckFailed"}
    assert all(c.execution_count or "course" in c.metadata for c in cells)


@pytest.mark.parametrize("room, case", of_each(lambda bank: bank.RIGHT.items()), indirect=["room"])
def test_every_right_way_of_writing_gets_everything(room, case):
    answers = {name.replace("-", "_"): source for name, source in case.items()}
    _, result = room.grade("right", room.written(**answers))
    assert (result.score, result.lost) == (room.automatic(), [])


@pytest.mark.parametrize(
    "room, case",
    of_each(lambda bank: [(", ".join(m.name for m in p), p) for p in packs(bank.MISTAKES)]),
    indirect=["room"],
)
def test_every_typical_mistake_costs_its_points_and_gets_its_sentence(room, case):
    answers = {mistake.cell.replace("-", "_"): mistake.source for mistake in case}
    _, result = room.grade("mistaken", room.written(**answers))
    assert lost(result) == {name for mistake in case for name in mistake.lost}, result.lost
    assert result.score == room.automatic() - sum(room.points()[name] for name in lost(result))
    for mistake in case:
        assert mistake.sentence in first_sentences(result)[mistake.lost[0]]


@each_bank
def test_a_trip_through_colab_changes_no_points(room, case):
    style = next(iter(room.bank.RIGHT.values()))
    mistake = room.bank.MISTAKES[0]
    for answers, expected in ((style, set()), ({mistake.cell: mistake.source}, set(mistake.lost))):
        written = room.written(**{k.replace("-", "_"): v for k, v in answers.items()})
        _, result = room.grade("colab", as_colab_saves(written))
        assert lost(result) == expected
        assert result.score == room.automatic() - sum(room.points()[n] for n in expected)


def test_the_answers_of_a_solution_are_found():
    """The parts of the bank's harness that everything above stands on."""
    solution = nbformat.read(ROOT / "solutions" / BANKS["lenet"].NOTEBOOK, 4)
    answers = model_answers(solution)
    assert "def lenet5(" in answers["model-answer"] and "###" not in answers["model-answer"]
