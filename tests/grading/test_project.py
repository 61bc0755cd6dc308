"""What a student's network says about images without labels, handed in and scored by the judge."""

import pytest

from tests.bank.project import PREDICTIONS, RUNS, hand_in, next_class
from tests.classroom import Classroom

LIAR = f"""
class Liar(str):
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    def __iter__(self):
        return iter({PREDICTIONS!r})
    def __len__(self):
        return 500
    def __str__(self):
        return {PREDICTIONS!r}
runs = {RUNS!r}
predictions = Liar("x" * 500)
"""
HANDED_IN = {
    "good": hand_in(),
    "missing": "runs = None\npredictions = None",
    "short": hand_in(predictions=PREDICTIONS[:-1]),
    "classes": hand_in(predictions=next_class(PREDICTIONS)),
    "letters": hand_in(predictions=500 * "x"),
    "liar": LIAR,
    "nan": f"runs = {RUNS!r}\npredictions = 500 * [float('nan')]",
}
POINTS = {"project-predictions": 8, "project-good-predictions": 6}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Classroom(tmp_path_factory.mktemp("project"), "08-project", "project")
    for student, source in HANDED_IN.items():
        room.submit(student, room.written(**{"hand-in-answer": source}))
    assert room.course("grade", "08-project") == 0
    assert room.course("feedback", "08-project") == 0
    return room


def test_good_predictions_get_their_points(room):
    assert room.result("good").lost == []


@pytest.mark.parametrize(
    "student, sentence",
    [
        ("missing", "There is no answer yet."),
        ("short", "The number of characters is 499, it should be 500."),
        ("classes", "At most 200 may be wrong."),
        ("letters", "The classes are the digits"),
        ("liar", "The classes are the digits"),
        ("nan", "It should be a text in quotation marks."),
    ],
)
def test_what_is_no_prediction_gets_none_and_is_told_so(room, student, sentence):
    lost = {name: (points, said) for name, points, said in room.result(student).lost}
    assert {name: lost[name][0] for name in POINTS} == POINTS
    assert sentence in lost["project-predictions"][1][0]
    (page,) = (room.folder / "feedback" / student).rglob("*.html")
    assert sentence in page.read_text(encoding="utf-8")
