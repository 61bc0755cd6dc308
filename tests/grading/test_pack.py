"""A pack and a notebook give a verdict, with no course folder, no gradebook and no solution."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import nbformat
import pytest

from course.cli import main
from course.grading import CourseError, pack
from course.grading.folder import CourseFolder
from course.grading.grade import job_of
from course.grading.out.formats import FORMATS
from course.grading.sandbox import BoxError, bubblewrap, outside
from course.grading.verdict import Exercise, Verdict, not_graded
from tests import made_up
from tests.classroom import ROOT, Classroom


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def packed(room, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "lenet.course"
    assert room.course("pack", "02-lenet", "--to", str(path)) == 0
    return path


@pytest.fixture(scope="module")
def mistaken(room, tmp_path_factory):
    """A folder with a notebook in which the first mistake of the bank was made."""
    folder = tmp_path_factory.mktemp("handed-in")
    mistake = room.bank.MISTAKES[0]
    nbformat.write(room.written(**{mistake.cell: mistake.source}), folder / "lenet.ipynb")
    return folder


@pytest.fixture(scope="module")
def verdict(packed, mistaken):
    """The verdict on that notebook."""
    return pack.judge(packed, (mistaken / "lenet.ipynb").read_bytes())


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """(a pack of one exercise, a folder with its notebook solved): judged in a moment."""
    folder = tmp_path_factory.mktemp("small")
    job = made_up.job_of(made_up.answer("a", "x = 0"), made_up.graded("hw-1", "assert x == 1"))
    pack.write(job, folder / "hw.course")
    (folder / "mine").mkdir()
    (folder / "mine/hw.ipynb").write_bytes(made_up.handed_in(job, a="x = 1"))
    return folder / "hw.course", folder / "mine"


def judge(capsys, *arguments):
    """(the exit status, what `course judge` printed)."""
    capsys.readouterr()
    return main(["judge", *map(str, arguments)]), capsys.readouterr().out


@pytest.mark.parametrize("name", ["01-convolution", "02-lenet", "07-comparison"])
def test_a_pack_is_the_job_without_its_solution(name, tmp_path):
    (tmp_path / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / name).symlink_to(ROOT / "solutions" / name)
    assert main(["release", "--course", str(tmp_path), "--no-trial", name]) == 0
    job = job_of(CourseFolder(tmp_path), name)
    pack.write(job, tmp_path / "with.course", answers=True)
    pack.write(job, tmp_path / "without.course")
    whole, found = pack.read(tmp_path / "with.course"), pack.read(tmp_path / "without.course")
    assert whole == job and whole.name == job.name
    for notebook, official in job.official.items():
        assert list(whole.official[notebook]) == list(official)  # their order, too
        assert whole.official[notebook].plain == official.plain
        assert whole.official[notebook].above == official.above
    assert found.official == job.official and found.files == job.files
    assert found.solution == {}
    text = zipfile.ZipFile(tmp_path / "without.course").read("pack.json").decode()
    assert "Module(body" not in text  # ast.dump, which another version of Python writes otherwise
    told = [c["source"] for nb in json.loads(text)["notebooks"].values() for c in nb["cells"]]
    cells = {name: cell for official in job.official.values() for name, cell in official.items()}
    written = dict(text for solution in job.solution.values() for text in solution)
    answers = lines(
        text for name, text in written.items() if name in cells and cells[name].solution
    )
    # A test may say in its own words what is right.
    answers -= lines(cell.source for cell in cells.values() if cell.is_test)
    answers -= lines(cell.released for cell in cells.values())
    assert answers and not answers & lines(told)


def lines(texts):
    return {line.strip() for text in texts for line in text.splitlines()}


def test_the_same_pack_has_the_same_bytes(room, tmp_path):
    job = job_of(CourseFolder(room.folder), "02-lenet")
    for name in "ab":
        pack.write(job, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_verdict_is_that_of_course_grade(room, verdict, mistaken):
    nb = nbformat.read(mistaken / "lenet.ipynb", 4)
    _, graded = room.grade("ada", nb)
    assert (verdict.score, verdict.maximum) == (graded.score, graded.maximum)
    lost = {each.name: each.findings for each in verdict.exercises if each.state == "wrong"}
    assert {name: [f["message"] for f in said] for name, said in lost.items()} == {
        name: messages for name, _, messages in graded.lost
    }
    assert lost and verdict.reasons == []


def test_without_tensorflow_keras_computes_on_jax(packed, mistaken, verdict, monkeypatch):
    monkeypatch.setattr(outside, "find_spec", lambda name: None)
    lean = pack.judge(packed, (mistaken / "lenet.ipynb").read_bytes())
    for each, backend in ((verdict, "tensorflow"), (lean, "jax")):
        assert re.search(rf"· Keras \S+ on {backend} ", *each.notebooks.values())
    assert lean.exercises == verdict.exercises and lean.score > 80


def test_a_damaged_file_is_repaired_as_the_student_was_told(room, packed, tmp_path, capsys):
    """`course judge` and `course check` of one file, and the receipt of both."""
    nb = room.written(shapes_answer='shapes = {"C1": (28, 28, 6), "S2": None}\nprint(shapes)')
    gone = ("setup", "lenet-c3", "subsample-answer")
    nb.cells = [cell for cell in nb.cells if cell.get("id") not in gone]
    nb.cells[-2].source = nb.cells[-2].source.replace("8", "80")
    nbformat.write(nb, tmp_path / "lenet (1).ipynb")
    _, text = judge(capsys, "--pack", packed, tmp_path / "lenet (1).ipynb")
    said = json.loads(text)
    assert main(["check", str(tmp_path / "lenet (1).ipynb")]) == 1
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    begun = told.index("The grader will repair the file, as this check did:") + 1
    assert told[begun:-1] == said["repairs"] and len(said["repairs"]) >= 4
    assert told[-1].startswith(f"Receipt {said['receipts'][0]} of ")
    causes = {e["name"]: {f["cause"] for f in e["findings"]} for e in said["exercises"]}
    open_ = [name for name, found in causes.items() if found == {"NOT_ANSWERED"}]
    shown = " ".join(told[:begun])
    assert "lenet-subsample" in open_ and all(name in shown for name in open_)


def test_each_format_says_the_score_and_the_reason(room, packed, mistaken, verdict, capsys):
    sentence = room.bank.MISTAKES[0].sentence
    given = ["--pack", packed, mistaken]
    status, text = judge(capsys, *given)
    said = json.loads(text)
    assert status == 0 and said["state"] == "graded" and said["max_score"] == 100
    assert sentence in next(e["card"] for e in said["exercises"] if e["state"] == "wrong")
    assert verdict.score == said["score"]
    for form in ("html", "md", "gradescope", "prairielearn", "coursera"):
        text = FORMATS[form](verdict)
        flat = re.sub(r"\\n|\s+", " ", text.replace("&#39;", "'").replace('\\"', '"'))
        assert re.sub(r"\s+", " ", sentence) in flat, form


def test_gradescope_shows_all_tests_and_leaves_out_what_a_person_grades():
    card = "✗ ```x\n  " + "a word in a row " * 20 + "\n  C1  convolution   28 × 28"
    exercises = [
        Exercise("one", 4, 4.0),
        Exercise("two", 6, 0.0, 2 * [{"row": "", "cause": "TOO_FEW", "message": "m"}], card),
        Exercise("essay", 15, None, by_hand=True),
    ]
    found = json.loads(FORMATS["gradescope"](_verdict(exercises)))
    assert [t["name"] for t in found["tests"]] == ["one", "two"]
    assert sum(t["max_score"] for t in found["tests"]) == 10 and "score" not in found
    assert {t["visibility"] for t in found["tests"]} == {"visible"}
    assert found["tests"][1]["tags"] == ["too few"]  # each cause once
    fence, *lines, last, end = found["tests"][1]["output"].splitlines()
    assert fence == "````text" and end == "````"  # the student's own fence ends nothing
    assert max(map(len, lines)) <= 96 and {line[:2] for line in lines[1:]} == {"  "}
    assert (
        " ".join(" ".join(lines).split()) == "✗ ```x " + "a word in a row " * 19 + "a word in a row"
    )
    assert last == "  C1  convolution   28 × 28"
    assert "A person still grades essay." in found["output"]


def test_the_page_about_gradescope_shows_what_it_is_given(room, packed):
    padded = next(one for one in room.bank.MISTAKES if one.name == "padded")
    nb = room.written(**{padded.cell: padded.source})
    verdict = pack.judge(packed, nbformat.writes(nb, version=nbformat.NO_CONVERT).encode())
    tests = {test["name"]: test for test in json.loads(FORMATS["gradescope"](verdict))["tests"]}
    shown = {"lenet-count": "", "lenet-model": " · padding"}
    for name, tags in shown.items():
        test = tests[name]
        head = f"**{name}** ({test['score']:g} / {test['max_score']:g}){tags}"
        shown[name] = f"{head}\n>\n{test['output']}\n"
    page, instructions = (
        (ROOT / path).read_text(encoding="utf-8").replace("\n> ", "\n")
        for path in ("docs/gradescope.md", "course/grading/templates/container/gradescope.md")
    )
    assert all(text in page for text in shown.values())
    assert shown["lenet-model"] in instructions


def test_shares_and_whole_points():
    exercises = [Exercise("a", 5, 2.5), Exercise("b", 5, 5.0), Exercise("essay", 10, by_hand=True)]
    verdict = _verdict(exercises)
    assert json.loads(FORMATS["coursera"](verdict))["fractionalScore"] == 0.75
    found = json.loads(FORMATS["prairielearn"](verdict))
    assert found["gradable"] and found["score"] == 0.75
    found = json.loads(FORMATS["classroom50"](verdict))
    assert (found["score"], found["max-score"]) == (7, 10)
    assert all(isinstance(t["score"], int) for t in found["tests"])


def test_a_page_of_long_cards_fits_into_a_release():
    exercises = [Exercise(f"e{number}", 5, 0.0, card="✗ x\n" * 50_000) for number in range(12)]
    assert 90_000 < len(FORMATS["md"](_verdict(exercises))) < 110_000


def _verdict(exercises):
    verdict = Verdict(assignment="02-lenet")
    verdict.exercises = exercises
    return verdict


def test_a_verdict_without_a_sandbox_says_so():
    verdict = not_graded(made_up.job_of(made_up.graded("hw-1", "assert x == 1")), "why")
    nb = json.loads(verdict.notebooks["hw"])
    nb["metadata"]["course"]["sandbox"] = "none"
    unsafe = replace(verdict, notebooks={"hw": json.dumps(nb)})
    for form in ("md", "gradescope", "prairielearn", "coursera"):
        assert "WITHOUT a sandbox" in FORMATS[form](unsafe)
        assert "WITHOUT a sandbox" not in FORMATS[form](verdict)
    assert json.loads(FORMATS["json"](unsafe))["unsafe"] is True


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"classroom50"}))  # has no place for it
def test_what_could_not_be_graded_is_said_in_every_format(form):
    job = made_up.job_of(made_up.graded("hw-1", "check.value(x, 1)"))
    text = FORMATS[form](not_graded(job, "The reason <b>*why*</b>."))
    assert "reason" in text and ("<b>" not in text or form not in ("html", "md"))
    text = FORMATS[form](Verdict(failed="no pack")) if form != "html" else "no pack"
    assert "no pack" in text


def test_a_file_says_not_graded_yet_until_it_is_replaced(small, tmp_path, monkeypatch):
    (packed, mine), target, seen = small, tmp_path / "results.json", []
    judge_it = pack.judge

    def looked_at(*given):
        seen.append(json.loads(target.read_text()))
        return judge_it(*given)

    monkeypatch.setattr(pack, "judge", looked_at)
    arguments = ["--pack", str(packed), "--format", "gradescope", "--to", str(target)]
    assert main(["judge", *arguments, str(mine)]) == 0
    assert seen[0]["score"] == 0 and "It has not been graded yet" in seen[0]["output"]
    assert sum(test["score"] for test in json.loads(target.read_text())["tests"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    "files, said",
    [
        ({}, "there is no file at all"),
        ({"essay.txt": b"x"}, "there is only essay.txt"),
        ({"lenet.ipynb": b"not a notebook"}, "lenet.ipynb"),
        ({"lenet (1).ipynb": None}, None),
        ({"a.ipynb": None, "b.ipynb": None}, "2 files could be it"),
    ],
)
def test_wrong_files_are_a_verdict(packed, mistaken, tmp_path, capsys, files, said):
    right = (mistaken / "lenet.ipynb").read_bytes()
    for name, content in files.items():
        (tmp_path / name).write_bytes(right if content is None else content)
    status, text = judge(capsys, "--pack", packed, tmp_path)
    found = json.loads(text)
    assert status == 0
    if said is None:
        assert found["score"] > 80 and "lenet (1).ipynb" in found["repairs"][0]
    else:
        assert found["score"] is None and said in found["reasons"][0]


def test_a_notebook_is_found_among_many_files(small, tmp_path):
    packed, mine = small
    for number in range(1200):
        (tmp_path / f"a{number}.txt").touch()
    (tmp_path / "hw.ipynb").write_bytes((mine / "hw.ipynb").read_bytes())
    assert pack.judge(packed, pack.files_in([tmp_path])).score == 1


def test_a_notebook_is_found_in_the_folders_of_an_archive(small, tmp_path):
    packed, mine = small
    right = (mine / "hw.ipynb").read_bytes()
    for folder in ("mine/week 2", "mine/.ipynb_checkpoints", "__MACOSX/mine", ".git/hooks"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "hw.ipynb").write_bytes(right)
    (tmp_path / "linked").symlink_to(mine, target_is_directory=True)
    found = {"hw.ipynb": tmp_path / "mine/week 2/hw.ipynb"}
    assert pack.files_in([tmp_path]) == found
    (tmp_path / "old.ipynb").write_bytes(right)
    assert pack.judge(packed, pack.files_in([tmp_path])).score == 1  # the name decides


def test_two_files_of_one_name_are_both_named(packed, mistaken, tmp_path):
    (tmp_path / "lenet.ipynb").write_bytes((mistaken / "lenet.ipynb").read_bytes())
    both = [tmp_path / "lenet.ipynb", mistaken / "lenet.ipynb"]
    for order in (both, both[::-1]):
        (reason,) = pack.judge(packed, pack.files_in(order)).reasons
        assert "2 files could be it" in reason and all(str(path) in reason for path in both)
    assert list(pack.files_in([tmp_path, both[0]])) == ["lenet.ipynb"]  # one file, named twice


def test_a_file_that_cannot_be_read_is_a_verdict(packed, mistaken, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pack.renamed, "start", refused)
    (reason,) = pack.judge(packed, pack.files_in([mistaken])).reasons
    assert reason == "lenet.ipynb cannot be read: Permission denied."


def test_one_judging_gives_several_formats(small, tmp_path, capsys, monkeypatch):
    (packed, mine), judged, judge_it = small, [], pack.judge
    monkeypatch.setattr(pack, "judge", lambda *given: judged.append(1) or judge_it(*given))
    given = ["--pack", packed, "--format", "json", "--format", "md", "--format", "html"]
    named = [word for name in "jmh" for word in ("--to", tmp_path / name)]
    assert judge(capsys, *given, *named, mine) == (0, "") and judged == [1]
    score = json.loads((tmp_path / "j").read_text())["score"]
    for name in "mh":
        assert f"{score:g}" in (tmp_path / name).read_text()
    wrong = {
        "3 formats and 2 files": named[:4],
        "3 formats and 0 files": [],
        "is there twice": [*named[:4], *named[:2]],
    }
    for said, few in wrong.items():
        assert main(["judge", *map(str, [*given, *few, mine])]) == 2
        assert said in capsys.readouterr().err


def test_no_file_that_is_read_is_overwritten(packed, mistaken, tmp_path, capsys):
    for name, original in {"lenet.ipynb": mistaken / "lenet.ipynb", "p": packed}.items():
        (tmp_path / name).write_bytes(original.read_bytes())
    for target in (tmp_path / "lenet.ipynb", tmp_path / "p"):
        before = target.read_bytes()
        status = main(["judge", "--pack", f"{tmp_path}/p", "--to", str(target), str(tmp_path)])
        assert status == 2 and "would overwrite a file that is read" in capsys.readouterr().err
        assert target.read_bytes() == before


@pytest.mark.parametrize("to, said", [("no/r.json", "there is no folder"), ("", "is a folder")])
def test_where_the_verdict_cannot_be_written(packed, mistaken, tmp_path, capsys, to, said):
    status = main(["judge", "--pack", str(packed), "--to", f"{tmp_path}/{to}", str(mistaken)])
    assert status == 1 and said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_by_the_file(tmp_path, packed, mistaken, monkeypatch, capsys):
    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    target = tmp_path / "r.json"
    assert main(["judge", "--pack", str(packed), "--to", str(target), str(mistaken)]) == 1
    assert f"{target}: the disk is full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_half_a_surrogate_pair_is_written_as_a_question_mark(packed, tmp_path, monkeypatch, capsys):
    said = _verdict([Exercise("a", 5, 0.0, card="\ud800 ✗")])
    monkeypatch.setattr(pack, "judge", lambda *_: said)
    for form in ("json", "md", "gradescope", "classroom50", "prairielearn", "coursera"):
        given = ["--pack", packed, "--format", form, tmp_path]
        status, text = judge(capsys, *given)
        assert status == 0 and judge(capsys, *given, "--to", tmp_path / form)[0] == 0
        assert "\ud800" not in text and ("? ✗" in text or form == "classroom50")
        assert "\ufffd" not in (tmp_path / form).read_text("utf-8")


def test_a_link_is_not_followed(packed, tmp_path, capsys, mistaken):
    (tmp_path / "lenet.ipynb").symlink_to(mistaken / "lenet.ipynb")
    _, text = judge(capsys, "--pack", packed, tmp_path)
    assert "No notebook was handed in" in json.loads(text)["reasons"][0]


@pytest.mark.parametrize(
    "content, said",
    [
        (None, "There is no pack"),
        (b"x", "is not a pack"),
        ("folder", "is not a pack"),
        ("flipped", "is not a pack"),
        ("empty", "it holds no notebook"),
        ("above", "a file in a folder of its own"),
        ("bomb", "it holds more than 0.1 GB"),
        ("new", "is a pack of format 99"),
    ],
)
def test_a_pack_that_cannot_be_read(packed, mistaken, tmp_path, capsys, content, said, monkeypatch):
    path = tmp_path / "p.course"
    if content == "new":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("pack.json", json.dumps({"format": 99}))
    elif content == "folder":
        path.mkdir()
    elif content == "flipped":
        whole = packed.read_bytes()
        path.write_bytes(whole[:2000] + b"\xff" * 10 + whole[2010:])
    elif content == "bomb":
        monkeypatch.setattr(pack, "_LARGEST", 100_000_000)
        whole = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        with whole, whole.open("beside/zeros", "w") as zeros:
            for _ in range(11):
                zeros.write(bytes(10_000_000))
    elif content in ("empty", "above"):
        about = json.loads(zipfile.ZipFile(packed).read("pack.json"))
        with zipfile.ZipFile(path, "w") as file:
            kept = about["notebooks"] if content == "above" else {}
            file.writestr("pack.json", json.dumps({**about, "notebooks": kept}))
            file.writestr("beside/../../lenet.py", "")
    elif content:
        path.write_bytes(content)
    target = tmp_path / "r.json"
    status = main(["judge", "--pack", str(path), "--to", str(target), str(mistaken)])
    assert status == 1 and said in json.loads(target.read_text())["reasons"][0]
    assert said in capsys.readouterr().err
    with pytest.raises(CourseError, match=said):
        pack.read(path)


def test_a_page_is_refused_for_two_notebooks_and_says_what_is_wrong_with_a_pack(tmp_path, capsys):
    job = made_up.job_of(made_up.answer("a", "x = 0"), made_up.graded("hw-1", "assert x == 1"))
    two = replace(job, official={"p1": job.official["hw"], "p2": job.official["hw"]})
    pack.write(two, tmp_path / "two.course")
    arguments = ["--format", "html", str(tmp_path / "p1.ipynb")]
    (tmp_path / "p1.ipynb").write_bytes(made_up.handed_in(job, a="x = 1"))
    assert main(["judge", "--pack", str(tmp_path / "two.course"), *arguments]) == 1
    out, error = capsys.readouterr()
    assert (
        out == "" and error.startswith("course: A page shows one") and error.count("course: ") == 1
    )
    assert main(["judge", "--pack", str(tmp_path / "none.course"), *arguments]) == 1
    out, error = capsys.readouterr()
    assert "There is no pack" in error and "Not graded." in out and "There is no pack" in out
    status, text = judge(capsys, "--pack", tmp_path / "two.course", tmp_path / "p1.ipynb")
    found = json.loads(text)
    assert status == 0 and found["reasons"] == []
    assert found["absent"] == ["p2.ipynb was not handed in, so its exercises have no points."]
    assert [each["points"] for each in found["exercises"]] == [1, 0]
    assert (found["score"], found["max_score"], found["state"]) == (1, 2, "graded")


def test_where_nothing_can_be_run_no_box_is_started(small, tmp_path, capsys, monkeypatch):
    """A verdict on a file that cannot be read needs neither Keras nor bubblewrap."""
    path, _ = small

    def no_program():
        raise BoxError("bubblewrap is missing")

    monkeypatch.setattr(bubblewrap, "program", no_program)
    monkeypatch.setattr(outside, "box", outside.Box)  # another test may have started its own
    for name, text, said in (
        ("hw.ipynb", "{", "hw.ipynb is not JSON"),
        ("notes.ipynb", '{"cells": []', "hw.ipynb was not handed in"),
    ):
        (tmp_path / name).write_text(text)
        status, out = judge(capsys, "--pack", path, tmp_path / name)
        assert status == 0 and said in json.loads(out)["reasons"][0]
    whole = next(small[1].iterdir())
    assert main(["judge", "--pack", str(path), str(whole)]) == 1
    assert "bubblewrap is missing" in capsys.readouterr().err


def never_ending(room, folder):
    """The file of a submission that sleeps for ever."""
    source = "import time\nwhile True:\n    time.sleep(1)"
    nb = room.written(**{room.bank.MISTAKES[0].cell: source})
    nbformat.write(nb, folder / "lenet.ipynb")
    return folder / "lenet.ipynb"


def test_a_grader_gives_up_and_says_so(packed, room, tmp_path, capsys):
    target = tmp_path / "r.json"
    given = ["--pack", packed, "--to", target, "--within", "1", never_ending(room, tmp_path)]
    assert main(["judge", *map(str, given)]) == 1
    said = "It was not finished after 1 seconds"
    assert said in capsys.readouterr().err
    assert said in json.loads(target.read_text())["reasons"][0]


def test_a_grader_that_is_ended_says_so(packed, room, tmp_path):
    target = tmp_path / "r.json"
    command = [sys.executable, "-m", "course.cli", "judge", "--pack", packed, "--to", target]
    command.append(never_ending(room, tmp_path))
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    while not target.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    error = process.communicate()[1].decode()
    said = "The grader was stopped"
    assert process.returncode == 1 and said in error
    assert said in json.loads(target.read_text())["reasons"][0]
    assert os.listdir(tmp_path).count("r.json") == 1
