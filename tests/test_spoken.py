"""What students read in German, Spanish and Chinese: cards, pages, files, the doctor."""

import contextlib
import html
import re
from pathlib import Path

import keras
import nbformat
import pytest
from keras import layers

from course import check, doctor, language
from course.architectures.lenet import LENET5
from course.check.record import Progress, Solved, overview
from course.cli import main
from course.grading import worker
from course.grading.notebook.problems import source_problems
from course.grading.out.formats import FORMATS
from course.grading.own import house
from course.grading.own.bank import read_bank
from course.language import speaking
from course.show import width
from tests import languages
from tests.classroom import ROOT
from tests.made_up import answer, graded, handed_in, job_of, judged, locked

LANGUAGES = languages.languages()
RIGHT, WRONG, OPEN = "✓", "✗", "○"
#: Words of an English sentence that no sentence in another language has.
_ENGLISH = {"the", "is", "it", "not", "of", "and", "should", "are", "with", "this", "your", "row"}


def lenet5(classes=10, last="tanh", input_shape=(32, 32, 1)):
    x = inputs = keras.Input(input_shape)
    for filters in (6, 16):
        x = layers.Conv2D(filters, 5, activation="tanh")(x)
        x = layers.AveragePooling2D(2)(x)
    x = layers.Dense(120, activation="tanh")(layers.Flatten()(x))
    x = layers.Dense(84, activation=last)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def english(text):
    """The English words in a text or in HTML."""
    shown = re.sub(r"<style>.*?</style>|<pre>.*?</pre>|<[^>]*>", " ", text, flags=re.DOTALL)
    return _ENGLISH & set(re.findall(r"[a-z]+", html.unescape(shown).lower()))


CARDS = {
    "a network": (RIGHT, lambda: check.model(lenet5, like=LENET5)),
    "a wrong network": (WRONG, lambda: check.model(lenet5, 10, "relu", like=LENET5)),
    "a budget": (WRONG, lambda: check.budget(
        lenet5, parameters=9, macs=9, input_shape=(32, 32, 1), classes=10, convolutions=3
    )),
    "shapes": (WRONG, lambda: check.shapes({"C1": (28, 28, 7), "S2": 3, "C3": None}, like=LENET5)),
    "parameters": (WRONG, lambda: check.parameters({"C1": 150, "C3": 7, "F6": 8}, like=LENET5)),
    "letters": (WRONG, lambda: check.choice(
        {"stride 1": "a", "stride 2": "x", "two pools": None}, "convolution-moves"
    )),
    "a number": (WRONG, lambda: check.value({"a": 1, "A b": "5"}, {"a": 2, "ab": 3})),
    "a text": (WRONG, lambda: check.value("1112", "1234", wrong=1)),
    "a function": (WRONG, lambda: check.function(lambda x: x, [1], gives=[2])),
    "nothing": (OPEN, lambda: check.value(None, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_in_one_language(card, name):
    mark, checking = CARDS[card]
    with speaking(name), check.silently() as cards, contextlib.suppress(check.CheckFailed):
        checking()
    with speaking(name):
        shown = [str(cards[0]), cards[0].html(), cards[0].markdown()]
    assert shown[0].startswith(mark)
    assert [english(text) for text in shown] == [set()] * 3, shown[0]


@pytest.mark.parametrize("name", LANGUAGES)
def test_progress_counts_points_by_states_and_not_by_words(name):
    seen = {
        "a": {"solved": True, "tries": 2, "minutes": 3.0},
        "b": {"solved": False, "tries": 1, "minutes": 0.0},
    }
    with speaking(name):
        shown = Progress({"a": 8, "b": 2, "c": 1}, seen)
        said = f"{shown!r} {Solved('a', 8)!r}"
        assert shown.points == 8 and not english(said), said


def _job(name):
    return job_of(
        locked(
            "setup", f'import course\nfrom course import check\n\ncourse.setup(language="{name}")'
        ),
        answer("number-answer", "number = None"),
        graded("number", "check.value(number, 4)", 3),
        answer("area-answer", "def area(side):\n    raise NotImplementedError"),
        graded("area", "check.function(area, [2], gives=[4])", 2),
        answer("room-answer", "room = None"),
        graded("room", "check.value(room, area(3))", 1),
    )


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_page_is_in_the_language_of_the_course(name):
    job = _job(name)
    content = handed_in(
        job, number_answer="number = 5", area_answer="area = 4", setup="import course"
    )
    verdict = worker.grade_submission(job, {"hw": content})
    page, text = FORMATS["html"](verdict), FORMATS["md"](verdict)
    assert f'<html lang="{name}">' in page
    with speaking(name):
        assert languages.language._("✗ not right") in page and len(verdict.repairs) == 1
    assert not english(page), page
    assert not english(text), text
    assert max(map(width, text.splitlines())) <= 100  # no line has to be scrolled
    broken = FORMATS["html"](worker.grade_submission(job, {"hw": b"{}"}))
    assert not english(broken), broken


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_file_is_described_in_the_language_of_its_set_up_cell(
    name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    answers = {"number_answer": "number = 4", "room_answer": "room = area("}
    Path("hw.ipynb").write_bytes(handed_in(_job(name), **answers))
    assert main(["check", "hw.ipynb"]) == 1
    said = capsys.readouterr().out.replace("was never closed", "")
    assert said.startswith("✗ hw.ipynb") and not english(said), said


#: What a translator keeps in the prose of a notebook, as docs/translating.md says.
_KEPT = re.compile(
    r"<summary>Answer</summary>|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>"
    r"|\*\*(?:Goal|Derive|Build|Check|What you should see|Go on)\.\*\*|\(?\d+ points?\)?"
    r"|^\*[^*\n]+\* · |^- [a-d]\)",
    re.DOTALL | re.MULTILINE,
)


def translated(text):
    """A text in which every word is another one, except what is kept."""
    parts = re.split(f"({_KEPT.pattern})", text, flags=_KEPT.flags)
    return "".join(p if at % 2 else re.sub("[a-z]{3,}", "wort", p) for at, p in enumerate(parts))


@pytest.mark.parametrize("name", ["02-lenet/lenet", "04-vgg/vgg"])
def test_a_translated_notebook_is_released_and_tried_as_before(name, tmp_path):
    nb = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", 4)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = translated(cell.source)
    path = tmp_path / Path(f"{name}.ipynb").name
    nbformat.write(nb, path)
    bank = read_bank(ROOT / "tests" / "bank" / f"{path.stem}.py")
    assert "wort wort" in nb.cells[0].source
    assert [*source_problems(path), *house.style_problems(nb), *house.bank_problems(nb, bank)] == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_start_page_speaks_the_language_of_the_assignments(name, tmp_path, capsys, monkeypatch):
    path = tmp_path / "assignments" / "hw" / "hw.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(handed_in(_job(name)))
    shown = overview(path.parents[1])
    assert not english(f"{shown!r} {shown._repr_html_()}"), shown
    monkeypatch.setattr(doctor, "examine", lambda folder: iter([doctor._disk(".")]))
    assert doctor.doctor(str(tmp_path)) == 0
    assert not english(capsys.readouterr().out)


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_doctor_speaks_the_language_of_the_computer(name, monkeypatch, capsys):
    monkeypatch.setattr(language, "_chosen", "en")
    monkeypatch.setenv("LANGUAGE", name)
    looks = doctor._python, doctor._disk, doctor._data, doctor._offline, doctor._package
    given = [(), (".",), (), (), ("nothing-of-this-name", "1")]
    lines = (look(*each) for look, each in zip(looks, given, strict=True))
    monkeypatch.setattr(doctor, "examine", lambda folder: lines)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out.replace("nothing-of-this-name", "")
    assert said.count("\n") >= 6 and not english(said), said


def test_a_verdict_is_in_the_language_of_the_release_and_not_of_the_students_file():
    area = "def area(side):\n    return open('sizes.txt')"
    spanish = 'import course\ncourse.setup(language="es")\nnumber = 3'
    content = handed_in(_job("de"), number_answer=spanish, area_answer=area)
    nb, said = judged(_job("de"), content)
    assert nb.metadata.course.language == "de"
    ((message,),) = [messages for name, (_, messages) in said.items() if name == "area"]
    assert message.startswith("Dein Code bricht mit einem Fehler ab: FileNotFoundError: hier gibt")
    assert "(Zeile 2: return open('sizes.txt'))" in message
    assert not any(
        english(text.replace("return", "")) for _, texts in said.values() for text in texts
    )
