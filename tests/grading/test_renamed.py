"""Notebooks that are not as they should be: renamed in submitted/, spoilt in solutions/."""

import json
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course.grading.folder import CourseFolder
from course.grading.grade import grade
from course.grading.inbox.archives import opened
from course.grading.results import read_result
from course.notebook import renamed
from tests.grading.test_changed import Own


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    own = Own(tmp_path_factory.mktemp("renamed"))
    assert own.course("release", "--no-trial", "hw") == 0
    return own


def bare(text):
    """A notebook without any metadata."""
    cells = json.loads(text)["cells"]
    return nbformat.writes(new_notebook(cells=[new_code_cell("".join(c["source"])) for c in cells]))


def other(text):
    """A notebook of another assignment, which has the same first cell."""
    return text.replace("sum-answer", "mean-answer").replace('"sum"', '"mean"').replace(
        "Exercise sum", "Exercise mean"
    )  # fmt: skip


def untouched(text):
    """The notebook as it was released."""
    lines = ["answer = None\n", "# YOUR CODE HERE\n", "raise NotImplementedError()"]
    return text.replace('"answer = 3"', json.dumps(lines)[1:-1])


CLASS = {  # {student: {file name: what it holds}}
    "browser": {"p1 (1).ipynb": str},
    "copied": {"Kopie von p1.ipynb": str},
    "named": {"Ada Lovelace – {final}.IPYNB": str, "notes.txt": str},
    "doubled": {"p1.ipynb.txt": bare},
    "stripped": {"homework.ipynb": bare, "scratch.ipynb": lambda text: nbformat.writes(
        new_notebook(cells=[new_code_cell("from mytable import TABLE")])
    )},
    "beside": {"p1 (2).ipynb": str, "last-week.ipynb": other, "empty.ipynb": lambda text: ""},
    "right": {"p1.ipynb": str, "p1 (1).ipynb": lambda text: text.replace("= 3", "= 4")},
    "duplicated": {"p1.ipynb": untouched, "p1-Copy1.ipynb": str, "p1-Copy2.ipynb": untouched},
    "copies": {"p1.ipynb": untouched, "p1-Copy1.ipynb": str, "p1-Copy2.ipynb": str},
    "open": {"p1.ipynb": untouched, "p1-Copy1.ipynb": untouched, "last-week.ipynb": other},
    "several": {"p1 (1).ipynb": str, "p1 (2).ipynb": str},
    "many": {f"p1 ({n}).ipynb": str for n in range(1, 30)},
    "wrong": {"last-week.ipynb": other},
    "damaged": {"p1 (1).ipynb": lambda text: "{"},
    "folder": {
        "Week 3/p1.ipynb": str,
        "Week 3/.ipynb_checkpoints/p1-checkpoint.ipynb": str,
        "__MACOSX/Week 3/p1.ipynb": str,
    },
    "folders": {"a/p1.ipynb": str, "b/p1.ipynb": str},
    "above": {"p1.ipynb": str, "earlier/p1.ipynb": lambda text: text.replace("= 3", "= 4")},
    "kept": {"p1 (1).ipynb": str, "earlier/p1.ipynb": lambda text: text.replace("= 3", "= 4")},
    "unpacked": {
        "p1.zip": lambda text: "PK\x03\x04" + text,
        "._p1.ipynb": lambda text: "Mac OS X",
        "hw/p1.ipynb": str,
    },
    "zipped": {"p1.zip": lambda text: "PK\x03\x04" + text},
    "latin": {"L\udcf6sung.ipynb": str},  # not in UTF-8, as a zip file of Windows may have it
    "cut": {"p1.ipynb": lambda text: text[: text.index("answer = 3")]},
    "cut-below": {"p1.ipynb": lambda text: text[: text.index('"grade_id": "sum"')]},
}  # fmt: skip


def hand_in(own, student, files):
    own.hand_in(student, "answer = 3")
    path = own.folder / "submitted" / student / "hw" / "p1.ipynb"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    for name, made in files.items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).write_text(made(text), encoding="utf-8")
    return path.parent


def test_a_renamed_notebook_is_graded_and_told_or_the_reason_names_the_files(own, capsys):
    for student, files in CLASS.items():
        hand_in(own, student, files)
    linked = hand_in(own, "linked", {})
    os.symlink(own.folder / "submitted/right/hw/p1.ipynb", linked / "p1 (1).ipynb")
    assert own.course("grade", "hw") == 1
    assert "not graded: p1.ipynb was not handed in" in capsys.readouterr().out
    course = CourseFolder(own.folder)
    found = {student: read_result(course, "hw", student) for student in course.students("hw")}
    for student in (
        "browser",
        "copied",
        "named",
        "doubled",
        "stripped",
        "beside",
        "folder",
        "kept",
    ):
        result, (name, *_) = found[student], CLASS[student]
        assert result.failed is None and result.score == 4, (student, result)
        assert f'p1.ipynb was handed in as "{name}"; its exercises say so.' in result.repairs
    assert found["latin"].score == found["unpacked"].score == 4
    assert '"L\\xf6sung.ipynb"; its exercises say so.' in found["latin"].repairs[0]
    said = 'p1.ipynb is as it was released; "p1-Copy1.ipynb" holds answers and was graded.'
    assert (found["duplicated"].score, found["duplicated"].repairs) == (4, [said])
    assert "2 files could be it: p1-Copy1.ipynb, p1-Copy2.ipynb." in found["copies"].failed
    assert (found["open"].score, found["open"].failed) == (0, None)
    for student in ("right", "above"):
        assert found[student].score == 4 and found[student].repairs == []
    assert "2 files could be it: a/p1.ipynb, b/p1.ipynb. Look" in found["folders"].failed
    assert "p1.zip (is a zip file: unpack it" in found["zipped"].failed
    assert "2 files could be it: p1 (1).ipynb, p1 (2).ipynb. Look" in found["several"].failed
    assert "call it p1.ipynb" in found["several"].failed
    assert "p1 (1).ipynb" in found["many"].failed and "more. Look" in found["many"].failed
    assert "last-week.ipynb (holds none of the exercises)" in found["wrong"].failed
    assert "p1 (1).ipynb (is not JSON" in found["damaged"].failed
    assert found["cut"].failed == "p1.ipynb is damaged, and no answer could be read in it"
    assert found["cut-below"].score == 4
    assert found["linked"].failed == "p1.ipynb was not handed in"
    assert all(r.score == 0 for r in found.values() if r.failed)

    # It is graded once, and again when it has changed.
    said = []

    def again():
        grade(course, "hw", ["browser"], progress=lambda n, total, r: said.append(r.score))
        return said

    assert again() == []
    path = own.folder / "submitted" / "browser" / "hw" / "p1 (1).ipynb"
    path.write_text(path.read_text().replace("answer = 3", "answer = 4"))
    scores = own.folder / "scores.csv"
    own.course("export", "hw", "--to", str(scores))
    (row,) = [li for li in scores.read_text().splitlines() if "browser" in li]
    assert "handed in anew, not graded yet" in row
    assert again() == [0]


def test_folders_without_end_stop_nothing(tmp_path):
    (tmp_path / "hw" / "__MACOSX").mkdir(parents=True)
    (tmp_path / "hw" / "__MACOSX" / "p1.ipynb").write_text("{}")
    (tmp_path / "hw" / "p1.ipynb").write_text("{}")
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_200):  # a path of this length has to be made piece by piece
        os.mkdir("a", dir_fd=place)
        inner = os.open("a", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    assert list(renamed.contents(tmp_path, ["p1"])) == ["hw/p1.ipynb"]
    with opened(tmp_path) as (entries, _):
        assert {entry.path for entry in entries} == {"hw/p1.ipynb"}
    while (tmp_path / "a" / "a").exists():  # pytest could not delete them at once
        (tmp_path / "a" / "a").rename(tmp_path / "b")
        (tmp_path / "a").rmdir()
        (tmp_path / "b").rename(tmp_path / "a")


CONFLICT = '{\n<<<<<<< HEAD\n "cells": [],\n=======\n "cells": [1],\n>>>>>>> it\n "nbformat": 4}'
SPOILT = {
    "a byte-order mark": (lambda b: b"\xef\xbb\xbf" + b, "UTF-8 with a byte-order mark"),
    "UTF-16": (lambda b: b.decode().encode("utf-16"), "is written in UTF-16, "),
    "an editor's ANSI": (lambda b: b.replace(b"answer", "Größe".encode("cp1252")), "not written"),
    "no file contents": (lambda b: b"", "is empty."),
    "blanks": (lambda b: b"\n \n", "is empty."),
    "half of it": (lambda b: b[:200], "is not JSON"),
    "Python": (lambda b: b"print('hello')", "is not JSON"),
    "a conflict": (lambda b: CONFLICT.encode(), "two versions from a merge conflict (line 2)"),
    "a conflict in a cell": (
        lambda b: b.replace(b'"from', b'"<<<<<<< a\\nx = 1\\n=======\\nx = 2\\n>>>>>>> b\\n'),
        "two versions from a merge conflict. Keep one",
    ),
    "a list": (lambda b: b"[]", "is JSON, but not a notebook"),
    "other JSON": (lambda b: b'{"cells": 7}', "is JSON, but not a notebook"),
    "cells that are none": (
        lambda b: b'{"cells": ["a"], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "is JSON, but not a notebook",
    ),
    "no cells": (
        lambda b: b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "has no cells",
    ),
    "too deep": (lambda b: b"[" * 100_000 + b"]" * 100_000, "is nested deeper"),
}  # fmt: skip


def test_a_spoilt_source_notebook_is_a_sentence_with_its_name(own, tmp_path, capsys):
    whole = own.source.read_bytes()
    try:
        for case, (spoil, sentence) in SPOILT.items():
            own.source.write_bytes(spoil(whole))
            assert own.source.read_bytes() != whole
            for command in (["release", "hw", "--no-trial"], ["release", "hw"], ["grade", "hw"]):
                if "in a cell" in case and command[-1] != "--no-trial":
                    continue  # it is tried first, and graded by what was released
                assert own.course(*command) == 1, (case, command)
                said = capsys.readouterr().err
                assert "p1.ipynb" in said and sentence in said, (case, command, said)
                assert "Traceback" not in said and len(said) < 700, (case, command, said)
    finally:
        own.source.write_bytes(whole)
