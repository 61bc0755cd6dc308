"""A class graded in every way there is: one by one, on all cores, on a cluster, killed, resumed.

The same submissions have to get the same verdicts each time, and none may be lost.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbgrader.api import Gradebook

from course.grading.demo import as_colab_saves, with_copied_cell
from course.grading.folder import CourseFolder
from course.grading.grade import grade
from course.grading.results import read_result
from tests.bank import lenet
from tests.classroom import Classroom

PROGRAMS = Path(sys.executable).parent
COURSE = PROGRAMS / "course"


def submissions(room):
    """Right, wrong, damaged and hostile ones."""
    mistakes = {mistake.name: mistake for mistake in lenet.MISTAKES}

    def wrong(name):
        return {mistakes[name].cell: mistakes[name].source}

    dora = room.written(**wrong("max pooling"))
    deep = nbformat.writes(room.release).replace('"cells"', '"x": ' + "[" * 9000 + '"cells"', 1)
    schema = room.written()
    schema.cells[4].metadata["nbgrader"]["schema_version"] = 999
    return {
        "amina": room.written(),
        "bo": room.written(**lenet.RIGHT["sequential"]),
        "chen": room.written(**wrong("padded")),
        "dora": as_colab_saves(with_copied_cell(dora, "lenet-model")),
        "emil": room.release,
        "finn": '{"cells": [',
        "gita": room.written(model_answer="def lenet5(*a, **k):\n    import os\n    os._exit(0)"),
        "hugo": room.written(model_answer="import os\nos.kill(os.getppid(), 9)\nexit()"),
        "ines": schema,
        "jens": deep,
        "kira": room.written(shapes_answer="print('x' * 50_000_000)\nshapes = {}"),
    }


@pytest.fixture(scope="module", autouse=True)
def left():
    """A folder for temporary files of the programs that are started: a killed one removes none."""
    with tempfile.TemporaryDirectory(prefix="course-left-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # or the box, as root, would lie elsewhere
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", folder)
            yield


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The class, handed in but not graded."""
    room = Classroom(tmp_path_factory.mktemp("class"))
    for student, notebook in submissions(room).items():
        room.submit(student, notebook)
    return room


@pytest.fixture
def folder(room, tmp_path):
    """A copy of the ungraded course."""
    return shutil.copytree(room.folder, tmp_path / "course")


@pytest.fixture(scope="module")
def one_by_one(room, tmp_path_factory):
    """The course after an undisturbed run, one by one."""
    folder = shutil.copytree(room.folder, tmp_path_factory.mktemp("serial") / "course")
    grade(CourseFolder(folder), "02-lenet", workers=1)
    return folder


@pytest.fixture(scope="module")
def serial(one_by_one):
    """The verdicts of that run."""
    return verdicts(one_by_one)


@pytest.fixture
def graded(one_by_one, tmp_path):
    """A copy of the graded course."""
    return shutil.copytree(one_by_one, tmp_path / "graded")


def verdicts(folder):
    """{student: (points of each exercise, findings, failure)}: all that grading decides."""
    found = {}
    url = f"sqlite:///{folder / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        for submission in gradebook.assignment_submissions("02-lenet"):
            points = {
                grade.cell.name: (grade.auto_score, grade.needs_manual_grade)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            path = folder / "autograded" / submission.student.id / "02-lenet" / "lenet.ipynb"
            nb = nbformat.read(path, 4)
            said = [cell.metadata.get("course") for cell in nb.cells]
            rows = [[(f["row"], f["cause"]) for f in item["findings"]] for item in said if item]
            found[submission.student.id] = (points, rows, nb.metadata["course"].get("failed"))
    return found


def test_one_by_one(serial, room):
    scores = {s: sum(p for p, _ in points.values()) for s, (points, _, _) in serial.items()}
    assert scores == {
        "amina": 100, "bo": 100, "chen": 80, "dora": 80, "emil": 0, "finn": 0, "gita": 23,
        "hugo": 80, "ines": 100, "jens": 0, "kira": 0,
    }  # fmt: skip
    failed = {student for student, (_, _, reason) in serial.items() if reason}
    assert failed == {"finn", "jens"}


def test_on_all_cores(folder, serial):
    seen = []
    grade(CourseFolder(folder), "02-lenet", workers=3, progress=lambda *a: seen.append(a))
    assert verdicts(folder) == serial
    assert [number for number, _, _ in seen] == list(range(1, len(serial) + 1))


def test_killed_again_and_again_and_resumed(folder, serial):
    """kill -9 of the whole command, each time after some more; then it is let run to its end."""
    for lines in (2, 5):
        run = subprocess.Popen(
            [COURSE, "grade", "--course", folder, "02-lenet", "--workers", "2"],
            stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        said = list(itertools.islice(run.stdout, lines))
        assert len(said) == lines, said
        run.send_signal(signal.SIGKILL)
        run.communicate()
    done = [p for p in folder.glob("autograded/*/02-lenet/lenet.ipynb")]
    before = {path: path.stat().st_mtime_ns for path in done}
    results = grade(CourseFolder(folder), "02-lenet", workers=2)
    assert len(results) == len(serial)
    assert verdicts(folder) == serial
    kept = [p for p, date in before.items() if p.stat().st_mtime_ns == date]
    failed = {"finn", "jens"}  # these are tried again each time
    assert {p.parts[-3] for p in before} - {p.parts[-3] for p in kept} <= failed
    assert not list(folder.glob("autograded/**/.*")), "a temporary file was left"


def test_killed_between_gradebook_and_notebook(folder, serial, monkeypatch):
    """The gradebook has the verdict already, the notebook is not there yet."""
    import course.grading.book as module

    class Killed(BaseException):
        pass

    def no_more(path, content):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_atomically", no_more)
        with pytest.raises(Killed):
            grade(CourseFolder(folder), "02-lenet", ["chen"], workers=1)
    assert not (folder / "autograded/chen/02-lenet/lenet.ipynb").exists()
    grade(CourseFolder(folder), "02-lenet", ["chen", "emil"], workers=2)
    assert verdicts(folder) == {student: serial[student] for student in ("chen", "emil")}


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler and two workers, as an instructor starts them by hand."""
    address = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    scheduler = subprocess.Popen(
        [PROGRAMS / "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
         "--scheduler-file", address], **quiet,
    )  # fmt: skip
    while not address.exists() or not address.read_text().strip():
        assert scheduler.poll() is None, "the scheduler did not start"
        time.sleep(0.1)
    url = json.loads(address.read_text())["address"]
    workers = subprocess.Popen(
        [PROGRAMS / "dask", "worker", url, "--nworkers", "2", "--nthreads", "1", "--no-dashboard",
         "--memory-limit", "0", "--local-directory", tmp_path], **quiet,
    )  # fmt: skip
    yield url, workers.pid
    for process in [*psutil.Process(workers.pid).children(recursive=True), workers, scheduler]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended with the one before
            process.kill()
    for process in (workers, scheduler):
        process.wait()


def workers_of(nannies):
    """Process ids of the workers that Dask's nannies have started."""
    for process in psutil.Process(nannies).children(recursive=True):
        try:
            if "spawn_main" in " ".join(process.cmdline()):
                yield process.pid
        except psutil.Error:  # it has just ended
            pass


def test_on_a_cluster_whose_workers_die(folder, serial, cluster):
    url, nannies = cluster
    killed = []

    def kill_one(number, total, result):
        if number in (2, 5):
            victim = next(pid for pid in workers_of(nannies) if pid not in killed)
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    results = grade(CourseFolder(folder), "02-lenet", scheduler=url, progress=kill_one)
    assert len(killed) == 2
    assert len(results) == len(serial)
    assert verdicts(folder) == serial


def test_no_scheduler_there(folder, capsys, monkeypatch):
    from course.cli import main
    from course.grading import cluster

    client = cluster.Client
    monkeypatch.setattr(cluster, "Client", lambda address, timeout: client(address, timeout=0.1))
    url = "tcp://127.0.0.1:9"
    assert main(["grade", "--course", str(folder), "02-lenet", "--scheduler", url]) == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


# --- again, and only a part


def test_what_is_graded_and_unchanged_is_left_alone(graded):
    course = CourseFolder(graded)
    only = ["amina", "chen"]
    path = graded / "autograded/amina/02-lenet/lenet.ipynb"
    before = path.stat().st_mtime_ns
    grade(course, "02-lenet", only, workers=1)
    assert path.stat().st_mtime_ns == before
    shutil.copy(graded / "submitted/chen/02-lenet/lenet.ipynb", graded / "submitted/amina/02-lenet")
    (result, _) = grade(course, "02-lenet", only, workers=1)
    assert (result.student, result.score) == ("amina", 80)
    grade(course, "02-lenet", ["amina"], again=True, workers=1)
    assert path.stat().st_mtime_ns != before


def test_one_exercise_graded_anew_leaves_the_others_alone(graded):
    """The usual case: a test was too strict; it is mended, released, and graded again."""
    course = CourseFolder(graded)
    source = graded / "solutions/02-lenet/lenet.ipynb"
    nb = nbformat.read(source, 4)
    for cell in nb.cells:
        if cell.id in ("lenet-model", "lenet-shapes"):
            first, _ = cell.source.split("\n", 1)
            no_one_passes = "check.value(shapes, 0)"
            cell.source = first if cell.id == "lenet-model" else f"{first}\n{no_one_passes}"
    nbformat.write(nb, source)
    from course.cli import main

    assert main(["release", "--course", str(graded), "--no-trial", "02-lenet"]) == 0
    (result,) = grade(course, "02-lenet", ["chen"], cells=["lenet-model"], workers=1)
    assert result.score == 92
    assert {name for name, _, _ in result.lost} == {"lenet-model-sizes"}


def test_an_unknown_exercise_is_refused(graded):
    from course.grading import CourseError

    with pytest.raises(CourseError, match=r"no exercise 'lenet-modle'\. Did you mean lenet-model"):
        grade(CourseFolder(graded), "02-lenet", cells=["lenet-modle"])


def test_points_given_by_hand_survive_a_regrade(graded):
    course = CourseFolder(graded)
    with Gradebook(course.database) as gradebook:
        entry = gradebook.find_grade("lenet-model", "lenet", "02-lenet", "chen")
        entry.manual_score = 7
        gradebook.db.commit()
    (result,) = grade(course, "02-lenet", ["chen"], again=True, workers=1)
    assert result.score == 87 and not result.manual  # the answer has not changed


def test_a_failed_submission_waits_for_a_person_in_the_formgrader(graded):
    course = CourseFolder(graded)
    result = read_result(course, "02-lenet", "finn")
    assert result.failed.startswith("lenet.ipynb is not JSON")
    assert result.manual and result.score == 0
    (nb,) = [nbformat.read(p, 4) for p in graded.glob("autograded/finn/02-lenet/*.ipynb")]
    assert "**Not graded.** lenet.ipynb is not JSON" in nb.cells[0].source


def test_late_days_cost_what_the_plugin_says(folder, monkeypatch):
    """nbgrader's own plugin for late submissions, as its documentation shows it."""
    (folder / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class Late(BasePlugin):\n"
        "    def late_submission_penalty(self, student, score, seconds):\n"
        "        return 10 * (seconds // 86400)\n"
    )
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.AssignLatePenalties.plugin_class = 'late.Late'\n")
    monkeypatch.syspath_prepend(folder)
    course = CourseFolder(folder)
    with Gradebook(course.database) as gradebook:
        gradebook.update_or_create_assignment("02-lenet", duedate="2026-01-01 12:00:00 UTC")
    stamp = folder / "submitted/amina/02-lenet/timestamp.txt"
    stamp.write_text("2026-01-03 13:00:00 UTC\n")
    (result,) = grade(course, "02-lenet", ["amina"], workers=1)
    assert result.score == 80
