"""Pairs that are more alike than the class makes usual: exactly the copies, and nobody else."""

import json
import random
import re
import shutil
from copy import deepcopy
from html import unescape

import pytest

from course.grading.out.fingerprints import RUN, WINDOW, fingerprints
from course.grading.out.normal_form import tokens
from course.notebook.official import grade_id
from tests import axe
from tests.classroom import Classroom
from tests.lookalikes import copied, school_class, written

SEED, SIZE = 2, 40
EVIL = "</pre><script>alert(1)</script>"


class Class:
    """A made-up class with a copy in each disguise, and files as students hand them in."""

    def __init__(self, folder):
        self.room = Classroom(folder, "04-vgg", "vgg")
        made = school_class(self.room.bank, self.room.right, SIZE, 1, SEED, share=1)
        self.works, copies, self.own = made
        self.pair = {disguise: tuple(sorted(pair)) for pair, disguise in copies.items()}
        self.copies = set(self.pair.values())
        hostile = self.works[self.pair["retyped"][0]]
        hostile["family-answer"] += f'\nprint("""{EVIL}""")'
        for student, answers in self.works.items():
            self.submit(student, answers)
        for number in range(3):
            self.room.submit(f"z-untouched{number}", json.dumps(self.room.release))
        self.damage()

    def damage(self):
        """Under another name, without metadata, cut off at the end."""
        one, other = self.pair["renamed"]
        self.path(one).rename(self.path(one).with_name("vgg (1).ipynb"))
        nb = json.loads(self.path(other).read_text())
        for cell in nb["cells"]:
            cell["metadata"].pop("nbgrader", None)
            cell.pop("id", None)
        self.path(other).write_text(json.dumps(nb))
        cut = self.path(self.pair["reordered"][1])
        cut.write_text(cut.read_text()[:-400])

    def path(self, student):
        return self.room.folder / "submitted" / student / "04-vgg" / "vgg.ipynb"

    def submit(self, student, answers):
        self.room.submit(student, json.dumps(self.room.written(**answers)))

    def listed(self, capsys, *options):
        """({(one, other) of each pair: (its likeness, what is said)}, all that was printed)."""
        assert self.room.course("similar", *options, "04-vgg") == 0
        shown = capsys.readouterr().out
        lines = re.findall(r"^ *([\d.]+)  (\S+) and (\S+): (.*)$", shown, re.MULTILINE)
        return {(one, other): (float(number), said) for number, one, other, said in lines}, shown

    def page(self):
        return (self.room.folder / "similar/04-vgg.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    return Class(tmp_path_factory.mktemp("similar"))


def test_exactly_the_copies_are_listed_from_files_in_any_state(school, capsys):
    pairs, shown = school.listed(capsys)
    assert pairs.keys() == school.copies
    assert f"{SIZE} submissions of 04-vgg hold answers of their own, 3 do not" in shown
    assert "This proves nothing." in shown and "None of them has been graded" in shown
    assert "family-answer 100%" in pairs[school.pair["renamed"]][1]
    page = school.page()
    assert "<strong>This proves nothing.</strong>" in page and "used the same assistant" in page
    assert "http:" not in page and "https:" not in page
    for student in school.pair["reordered"]:
        lines = school.works[student]["family-answer"].splitlines()
        assert all(line in unescape(page) for line in lines)  # both texts, whole
    assert "<script" not in page and EVIL in unescape(page)
    assert (school.room.folder / "similar").stat().st_mode & 0o77 == 0


def test_everybody_can_read_the_page(school, browser, capsys):
    school.listed(capsys)
    assert not axe.unreadable(browser, school.room.folder / "similar/04-vgg.html")


def test_other_folders_are_compared_with_the_class_only(school, capsys, tmp_path):
    alone = [name for name in school.works if not any(name in pair for pair in school.copies)]
    draw = random.Random(SEED)

    def put(path, source):
        theirs = school.works.get(source) or written(school.room.right, random.Random(SEED))
        theirs = copied(theirs, theirs, "renamed", draw, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(school.room.written(**theirs)))

    for name, source in (("anna", alone[0]), (alone[1], alone[1]), ("ben", "new"), ("cy", "new")):
        put(tmp_path / "last" / name / "vgg.ipynb", source)
    course = tmp_path / "course-2025"  # a whole course folder
    shutil.copytree(school.room.folder / "tables", course / "tables")
    shutil.copy(school.room.folder / "nbgrader_config.py", course)
    put(course / "submitted" / "dora" / "04-vgg" / "vgg.ipynb", alone[2])
    put(course / "source" / "04-vgg" / "vgg.ipynb", alone[3])
    put(tmp_path / "canvas" / "eve_101_2001_vgg.ipynb", alone[4])  # all files in one folder
    put(tmp_path / "canvas" / "finn_102_2002_vgg-1.ipynb", "new")
    folders = [str(tmp_path / name) for name in ("last", "course-2025", "canvas")]
    pairs, shown = school.listed(capsys, *(part for name in folders for part in ("--also", name)))
    # Not what a student wrote a year ago, and not ben and cy, who are both of last year.
    assert pairs.keys() == school.copies | {
        (alone[0], "last/anna"),
        (alone[2], "course-2025/dora/04-vgg"),
        (alone[4], "canvas/eve_101_2001_vgg.ipynb"),
    }
    assert (
        f"{SIZE + 7} submissions of 04-vgg hold answers of their own, 7 of them in other folders"
        in shown
    )
    (tmp_path / "none").mkdir()
    assert school.room.course("similar", "04-vgg", "--also", str(tmp_path / "none")) == 1
    assert "none holds no answer to 04-vgg" in capsys.readouterr().err


def test_wrong_findings_that_few_have_count_and_answers_in_other_exercises(school, capsys):
    pair = school.pair["translated"]
    rare = {"row": "conv1_1", "cause": "PADDING", "message": "It is 7 and should be 1."}
    common = {"row": "pool1", "cause": "STRIDE", "message": "The stride is 1."}
    for number, student in enumerate(school.works):
        nb = deepcopy(school.room.release)
        check = next(c for c in nb.cells if grade_id(c) == "vgg-block")
        found = [rare] if student in pair else [common] if number % 3 else []
        check.metadata["course"] = {"passed": not found, "findings": found}
        place = school.room.folder / "autograded" / student / "04-vgg"
        place.mkdir(parents=True)
        (place / "vgg.ipynb").write_text(json.dumps(nb))
    moved = dict(school.works[school.pair["reordered"][1]])
    helper = moved.pop("counts-answer").replace("row_parameters", "helper")
    moved["memory-answer"] += f"\n\n{helper}"
    moved["counts-answer"] = "row_parameters = helper"
    school.submit(school.pair["reordered"][1], moved)
    pairs, shown = school.listed(capsys)
    assert pairs.keys() == school.copies
    assert "the same wrong finding in vgg-block conv1_1 padding (2 have it)" in pairs[pair][1]
    assert "stride" not in shown  # most have it
    assert "counts-answer 100% in memory-answer" in pairs[school.pair["reordered"]][1]


def test_a_group_that_handed_in_together_is_one_work(school, capsys, tmp_path):
    one, other = school.pair["renamed"]
    (tmp_path / "in" / one).mkdir(parents=True)
    nb = school.room.written(**school.works[one])
    (tmp_path / "in" / one / "vgg.ipynb").write_text(json.dumps(nb))
    roster = tmp_path / "r.csv"
    roster.write_text(f"student_id,team\n{one},1\n{other},1\n")
    options = ("--from", "folders", "--roster", str(roster), "--groups", "team")
    assert school.room.course("collect", str(tmp_path / "in"), *options) == 0
    pairs, _ = school.listed(capsys)
    assert pairs.keys() == school.copies - {(one, other)}
    school.submit("zoe", school.works[one])
    assert f"{one}, {other} and zoe: " in school.listed(capsys)[1]
    shutil.rmtree(school.path("zoe").parents[1])


def test_a_class_without_copies_lists_nobody_and_a_small_one_is_told_so(school, capsys):
    shutil.rmtree(school.room.folder / "autograded", ignore_errors=True)
    for student, answers in school.own.items():
        shutil.rmtree(school.path(student).parent)
        school.submit(student, answers)
    pairs, shown = school.listed(capsys)
    assert not pairs and "No pair is more alike than is usual" in shown
    assert "No pair is more alike than is usual here" in school.page()
    for student in list(school.works)[19:]:
        shutil.rmtree(school.path(student).parent.parent)
    assert school.room.course("similar", "04-vgg") == 1
    assert (
        "It takes 20 submissions with answers of their own to say what is usual in a class; 04-vgg "
        "has 19." in capsys.readouterr().err
    )


# --- the normal form

FUNCTIONAL = """
def net(x):
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="c1")(x)
    x = layers.MaxPooling2D(2)(x)
    return layers.Dense(10)(layers.Flatten()(x))
"""
LOOP = """
def f(rows):
    out = []
    for row in rows:
        out.append(row[0] * 2)
    return out
"""


@pytest.mark.parametrize(
    "one, other",
    [
        (
            "def f(a):\n    return a[0] + 1",
            'def f(size):\n    """S."""\n    return (1 + size[0])  #',
        ),
        ("a = g(x=1, y=2)\nb = h(3)", "u = h(3)\nv = g(y=2, x=1)"),
        ("d = {'p': 1, 'q': 2}", 'e = {"q": 2, "p": 1}'),
        ("import numpy as np\nt = np.prod(s)", "import numpy\ntotal = numpy.prod(s)"),
        ("t += 3 * n", "total = total + n * 3"),
        ("def f(x):\n    y = g(x) + 1\n    return y", "def f(x):\n    return g(x) + 1"),
        (  # the same in another language
            "def f(size):\n    def count(rows, first=1):\n        return len(rows) * first\n"
            "    return count(rows=g(size), first=3)",
            "def f(taille):\n    def compte(lignes, debut=1):\n        return len(lignes) * debut\n"
            "    return compte(debut=3, lignes=g(taille))",
        ),
        (
            "class Box:\n    def __init__(self, size):\n        self.size = size\n"
            "    def area(self):\n        return self.size ** 2\nd = Box(size=3).area()",
            "class Kiste:\n    def __init__(ich, maß):\n        ich.maß = maß\n"
            "    def fläche(ich):\n        return ich.maß ** 2\nd = Kiste(maß=3).fläche()",
        ),
        (
            "try:\n    f()\nexcept TypeError as error:\n    g(error)",
            "try:\n    f()\nexcept TypeError as fehler:\n    g(fehler)",
        ),
        (
            "match x:\n    case [first, *rest]:\n        f(first, rest)",
            "match x:\n    case [erstes, *andere]:\n        f(erstes, andere)",
        ),
        (LOOP, "def f(lines):\n    return [line[0] * 2 for line in lines]"),
        (
            FUNCTIONAL,
            "def net(x):\n    model = keras.Sequential()\n"
            "    model.add(keras.layers.Conv2D(8, 3, activation='relu', padding='same'))\n"
            "    model.add(layers.MaxPooling2D(2))\n    model.add(layers.Flatten())\n"
            "    model.add(layers.Dense(10))\n    return model",
        ),
        (
            FUNCTIONAL,
            "def net(y):\n    return keras.Sequential([layers.Conv2D(8, 3, padding='same', "
            "activation='relu'), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(10)])",
        ),
    ],
)
def test_what_is_written_differently_and_computes_the_same_looks_the_same(one, other):
    assert form(one) == form(other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("x = C(8, padding='same')(x)", "x = C(8, padding='valid')(x)"),
        ("y = f(x)\nx = g(y)", "x = g(y)\ny = f(x)"),
        ("y = a * 2", "y = a ** 2"),
        ("y = keras.f(p=1, q=2)", "y = keras.f(p=2, q=1)"),
        ("self.size = 3\ny = self.size", "self.weight = 3\ny = self.weight"),
        ("model.add(A())\nmodel.add(B())", "model.add(B())\nmodel.add(A())"),
        ("while f(x):\n    x = g(x)\n    x = h(x)", "while f(x):\n    x = g(x)\nx = h(x)"),
        ("while f(x):\n    g(x)\nelse:\n    h(x)", "while f(x):\n    g(x)"),
    ],
)  # fmt: skip
def test_what_computes_something_else_does_not(one, other):
    assert form(one) != form(other)


def form(text):
    return [token for token, _ in tokens(text, frozenset({"s", "n", "model", "x", "a"}))]


@pytest.mark.parametrize("text", ["a = (", "1" + "+(1" * 3000, "x" * 60_000, "\0", "%run me", ""])
def test_any_text_has_fingerprints(text):
    assert isinstance(fingerprints(text, True), dict)
    assert isinstance(fingerprints(text, False), dict)


def test_texts_that_share_enough_words_in_a_row_share_a_fingerprint():
    draw = random.Random(3)

    def words(number):
        return [f"w{draw.randrange(10**9)}" for _ in range(number)]

    for _ in range(200):
        same = words(RUN + WINDOW - 1)
        one, other = (
            " ".join([*words(draw.randrange(9)), *same, *words(draw.randrange(9))])
            for _ in range(2)
        )
        assert fingerprints(one, False).keys() & fingerprints(other, False).keys()
