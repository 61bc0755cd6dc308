"""What `course gradescope` and its like write judges as `course grade` does, in a container."""

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import replace
from importlib.metadata import Distribution, distributions, version
from pathlib import Path

import nbformat
import pytest

from course.grading import HIDDEN, pack
from course.grading.out.wheel import PACKAGES, constraints, wheel
from tests.bank import packs
from tests.classroom import ROOT, Classroom
from tests.grading import docker
from tests.school import School

WRONG = "errors = {'the same images': 'a', 'the larger step': 'b'}"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Classroom(tmp_path_factory.mktemp("course"), "07-comparison", "comparison")
    archive = str(room.folder / "gradescope.zip")
    assert room.course("gradescope", room.assignment, "--to", archive) == 0
    return room


def unpacked(archive, folder):
    """A zip file unpacked with the permissions in it, as `unzip` does."""
    with zipfile.ZipFile(archive) as file:
        for about in file.infolist():
            Path(file.extract(about, folder)).chmod(about.external_attr >> 16)


#: This environment's packages, where the environment of setup.sh finds them behind the wheel.
BEHIND = {"/opt/course/behind": sysconfig.get_path("purelib")}


#: Stands for Python 3.11. A new environment finds this one's packages behind its own, and it is
#: kept in /opt/made as it was before pip; the next one is copied from there.
STAND_IN = f"""#!/bin/sh
if [ "$2" != venv ]; then exec {sys.executable} "$@"; fi
if [ -d /opt/made ]; then exec cp -a /opt/made/. "$3"; fi
{sys.executable} "$@" || exit
echo /opt/course/behind > "$3/lib/{PYTHON}/site-packages/behind.pth"
mkdir /opt/made
exec find "$3" -mindepth 1 -maxdepth 1 ! -name behind -exec cp -a {{}} /opt/made ";"
"""


def set_up(folder, home, opt, **variables):
    """Run the setup.sh in a folder as at `home` in a container; its environment is left in `opt`.

    There is no network, so pip installs the wheel alone.
    """
    opt.mkdir(exist_ok=True)
    (folder / "stand-in").mkdir()
    program = folder / "stand-in/python3.11"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    path = f"{home}/stand-in:/usr/bin:/bin"
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_IGNORE_INSTALLED": "1"}
    variables = {"PATH": path, **pip, **variables}
    where = {home: folder, "/opt": opt}
    return docker.run(["bash", f"{home}/setup.sh"], where, BEHIND, env=variables)


@pytest.fixture(scope="module")
def installed(room, tmp_path_factory):
    """/opt as setup.sh leaves it."""
    folder = tmp_path_factory.mktemp("image")
    unpacked(room.folder / "gradescope.zip", folder / "source")
    done = set_up(folder / "source", "/autograder/source", folder / "opt")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "course: the grader is set up.\n" and not done.stderr
    return folder / "opt"


def set_up_again(folder, home, installed, opt, **variables):
    """`set_up` with a copy of the environment that the first one made, and nothing compiled."""
    shutil.copytree(installed / "made", opt / "made", symlinks=True)
    return set_up(folder, home, opt, PIP_COMPILE="0", **variables)


def run(program, folders, files, submission, result):
    """(the finished process, the result) of a platform's program on {name: bytes} handed in.

    `folders` is {path in the container: folder here}; `submission` and `result` are here.
    """
    for name, content in files.items():
        path = submission / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    done = docker.run([program], folders, BEHIND, cwd=str(Path(program).parent))
    return done, json.loads(result.read_text())


@pytest.fixture
def gradescope(room, installed, tmp_path):
    """A function of {name: bytes} that returns Gradescope's results.json.

    `prepare` is called with the folder; `installed` is put at /opt.
    """

    def grade(files, prepare=Path, installed=installed, status=0):
        return judged_at(tmp_path / "autograder", room, installed, files, prepare, status)

    return grade


def judged_at(folder, room, installed, files, prepare, status=0):
    """The results.json that Gradescope's program leaves in a folder, which is its /autograder."""
    for name in ("submission", "results"):
        (folder / name).mkdir(parents=True)
    unpacked(room.folder / "gradescope.zip", folder / "source")
    shutil.copy(folder / "source/run_autograder", folder)
    (folder / "submission_metadata.json").write_text('{"users": [{"name": "Ada"}]}')
    prepare(folder)
    done, results = run(
        "/autograder/run_autograder", {"/autograder": folder, "/opt": installed}, files,
        folder / "submission", folder / "results/results.json",
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return results


def written(room, answers):
    return nbformat.writes(room.written(**answers), version=nbformat.NO_CONVERT).encode()


def points(results):
    return {test["name"]: test["score"] for test in results["tests"]}


#: What stands for `-m course.cli judge`: all of a folder's folders, one after the other. A pack of
#: a folder's name is that folder's.
EACH = """
import os, sys
from course.cli import main
*options, result, folder = sys.argv[1:]
for name in os.listdir(folder):
    to = os.path.join(os.path.dirname(result), name + ".json")
    own = f"/autograder/source/{name}.course"
    pack = ["--pack", own] if os.path.exists(own) else []
    assert main(["judge", *options, to, *pack, os.path.join(folder, name)]) == 0
"""

#: {what: (the files that are handed in, what is said)}; None is a right notebook, or all points.
NAMED = {
    "another name": ({"vergleich (1).ipynb": None}, None),
    "in folders": ({"work/week 7/comparison.ipynb": None, "work/notes.txt": b"x"}, None),
    "two notebooks": ({"a.ipynb": None, "b.ipynb": None}, "2 files could be it"),
    "nothing": ({}, "there is no file at all"),
}


@pytest.fixture(scope="module")
def cases(room):
    """{student: (answers, the exercises that these lose)}: all of the bank."""
    found = [(answers, set()) for answers in room.bank.RIGHT.values()]
    for group in packs(room.bank.MISTAKES):
        lost = {name for mistake in group for name in mistake.lost}
        found.append(({mistake.cell: mistake.source for mistake in group}, lost))
    return {f"s{number}": case for number, case in enumerate(found)}


@pytest.fixture(scope="module")
def judged(room, cases, installed, tmp_path_factory):
    """{whose: Gradescope's results.json} of many submissions.

    They share one container, because importing Keras takes most of the time of each.
    """
    folder = tmp_path_factory.mktemp("gradescope") / "autograder"
    files = {f"{name}/comparison.ipynb": written(room, each) for name, (each, _) in cases.items()}
    loop = written(room, {"relative-answer": "while True:\n    pass"})
    files["loop/comparison.ipynb"] = loop
    right = written(room, {})
    for name, (named, _) in NAMED.items():
        files |= {f"{name}/{file}": right if b is None else b for file, b in named.items()}

    def judging_each(folder):
        (folder / "each.py").write_text(EACH)
        program = folder / "run_autograder"
        text = program.read_text()
        assert text.count("-m course.cli judge") == 1
        program.write_text(text.replace("-m course.cli judge", "/autograder/each.py"))
        (folder / "submission/nothing").mkdir()
        job = pack.read(folder / "source/07-comparison.course")
        short = replace(job, config={"Judge": {"timeout": 2}})
        pack.write(short, folder / "source/loop.course", answers=True)

    judged_at(folder, room, installed, files, judging_each)
    return {
        name: json.loads((folder / f"results/{name}.json").read_text())
        for name in (*cases, *NAMED, "loop")
    }


def test_every_answer_of_a_bank_gets_the_points_of_course_grade(room, cases, judged):
    """`tests/notebooks/test_banks.py` shows that `course grade` gives these."""
    for student, (answers, lost) in cases.items():
        given = {name: 0 if name in lost else most for name, most in room.points().items()}
        assert points(judged[student]) == given, answers


@pytest.mark.parametrize("name", NAMED)
def test_what_is_handed_in_under_other_names(room, judged, name):
    results, said = judged[name], NAMED[name][1]
    if said is None:
        assert sum(points(results).values()) == room.automatic() == 85
    else:
        assert (results["score"], results["tests"]) == (0, [])
        assert results["output"].startswith("Not graded: ") and said in results["output"]


def test_a_loop_costs_its_own_exercise(judged):
    lost = {name for name, score in points(judged["loop"]).items() if not score}
    assert lost == {"comparison-relative"}


SPY = r"""
import ctypes, os, signal, socket, subprocess, sys
won = []

def attempt(name, act):
    try:
        if act() is not None:
            won.append(name)
    except OSError:
        pass

def reads(path):
    return lambda: open(path, "rb").read(1)

for path in ("source/07-comparison.course", "source/solved/comparison.ipynb",
             "source/run_autograder", "submission_metadata.json", "results/results.json",
             "submission/comparison.ipynb"):
    attempt(path, reads("/autograder/" + path))
home = os.path.expanduser("~root")
for name in ("source", "results", "submission", home):
    attempt("list " + name, lambda: os.listdir(os.path.join("/autograder", name)))
for name in ("results/results.json", "run_autograder", "results/x", "x", "/opt/course/x",
             "/opt/course/bin/python", "/etc/x", home + "/x"):
    attempt("write " + name, lambda: open(os.path.join("/autograder", name), "a"))
attempt("internet", lambda: socket.socket(socket.AF_INET))
attempt("internet 6", lambda: socket.socket(socket.AF_INET6))
family = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
for number in family:
    attempt(f"memory of {number}", reads(f"/proc/{number}/mem"))
    attempt(f"variables of {number}", reads(f"/proc/{number}/environ"))
    attempt(f"signal to {number}", lambda: os.kill(number, signal.SIGCONT) or "sent")
    attempt(f"trace {number}", lambda: ctypes.CDLL(None).ptrace(16, number, 0, 0) == 0 or None)
attempt("root", lambda: os.setuid(0) or "root")
subprocess.Popen(
    [sys.executable, "-c", "import time\nwhile True:\n time.sleep(0.1)\n"
     "try: open('/autograder/results/results.json', 'w').write('{\"score\": 85}')\n"
     "except OSError: pass"],
    start_new_session=True,
)
if won:
    raise RuntimeError(f"The spy got: {won}")
"""


def test_a_spy_gets_nothing(room, gradescope):
    right = room.right["relative-answer"]
    results = gradescope(
        {
            "comparison.ipynb": written(room, {"relative-answer": SPY + right}),
            "sitecustomize.py": b"raise SystemExit('imported')",
            "course.py": b"raise SystemExit('imported')",
            "json.py": b"raise SystemExit('imported')",
            "matplotlibrc": b"backend: nonsense",
            "nbgrader_config.py": b"raise SystemExit('imported')",
            "run_autograder": b"#!/bin/sh",
        }
    )
    spied = next(test for test in results["tests"] if test["name"] == "comparison-relative")
    assert spied["status"] == "passed", spied["output"]
    assert sum(points(results).values()) == 85
    assert results["visibility"] == "visible"


def test_a_grading_gives_up_before_the_platform_ends_it(room, gradescope):
    nb = written(room, {"relative-answer": "import time\ntime.sleep(1000)"})

    def hasten(folder):
        program = folder / "run_autograder"
        program.write_text(program.read_text().replace("--within 570", "--within 3"))

    results = gradescope({"comparison.ipynb": nb}, hasten, status=1)
    assert results["score"] == 0 and "It was not finished after 3 seconds" in results["output"]


def test_a_grader_that_does_not_start_leaves_a_result(room, gradescope, tmp_path):
    (tmp_path / "nothing/course/behind").mkdir(parents=True)
    results = gradescope({"comparison.ipynb": b""}, installed=tmp_path / "nothing", status=127)
    assert results["score"] == 0 and "It has not been graded yet" in results["output"]


def test_the_zip_file_has_what_gradescope_asks_for(room):
    with zipfile.ZipFile(room.folder / "gradescope.zip") as file:
        modes = {about.filename: about.external_attr >> 16 & 0o777 for about in file.infolist()}
        read = {
            name: file.read(name).decode()
            for name in modes
            if not name.endswith((".whl", ".course"))
        }
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755 and modes["README.md"] == 0o644
    for text in ("Autograder points: 85.", "`ship`: 15 points", "**3 points:** one network"):
        assert text in read["README.md"]
    assert json.loads(read["not-graded.json"])["score"] == 0
    for program in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n"], input=read[program].encode(), check=True)


@pytest.mark.parametrize(
    "variables, change, said",
    [
        (
            {"PIP_NO_DEPS": "0"},
            {},
            "Its packages cannot be installed; the lines above name the one.",
        ),
        ({"PYTHONNOUSERSITE": "1"}, {"solved/comparison.ipynb": None}, "does not get all points"),
    ],
)
def test_the_build_fails_with_a_sentence(room, installed, tmp_path, variables, change, said):
    folder = tmp_path / "source"
    unpacked(room.folder / "gradescope.zip", folder)
    for name in change:
        (folder / name).write_bytes(written(room, {"relative-answer": WRONG}))
    done = set_up_again(folder, "/autograder/source", installed, tmp_path / "opt", **variables)
    assert done.returncode == 1 and "grader is set up" not in done.stdout
    assert "course: the grader cannot be set up." in done.stderr and said in done.stderr
    assert not change or "comparison-relative: ✗" in done.stderr


def test_prairielearn(room, installed, tmp_path):
    archive = tmp_path / "question.zip"
    given = ["07-comparison", "--image", "me/grader", "--minutes", "5", "--to", str(archive)]
    assert room.course("prairielearn", *given) == 0
    unpacked(archive, tmp_path / "zip")
    done = set_up_again(tmp_path / "zip/image", "/grader", installed, tmp_path / "opt")
    assert (done.returncode, done.stdout) == (0, "course: the grader is set up.\n"), done.stderr
    image = b"".join(p.read_bytes() for p in (tmp_path / "zip/image").iterdir() if p.is_file())
    for known in (b"07-comparison", b"letters/comparison"):  # its name, and a part of the package
        image = image.replace(known, b"")
    assert b"comparison" not in image  # nothing of the assignment
    question = tmp_path / "zip/questions/07-comparison"
    asked = json.loads((question / "info.json").read_text())["externalGradingOptions"]
    assert asked["image"] == "me/grader" and asked["timeout"] == 300
    grade = tmp_path / "grade"
    shutil.copytree(question / "tests", grade / "tests")
    nb = written(room, {"relative-answer": WRONG})
    done, results = run(
        asked["entrypoint"], {"/grade": grade, "/opt": tmp_path / "opt"},
        {"comparison.ipynb": nb}, grade / "student", grade / "results/results.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert results["gradable"] and results["score"] == pytest.approx((85 - 4) / 85)


def test_coursera(room, installed, tmp_path):
    archive = tmp_path / "grader.zip"
    assert room.course("coursera", "07-comparison", "--to", str(archive)) == 0
    unpacked(archive, tmp_path / "grader")
    assert (tmp_path / "grader/Dockerfile").read_text().splitlines()[1:] == [
        "COPY . /grader",
        "RUN bash /grader/setup.sh",
        'ENTRYPOINT ["/bin/bash", "/grader/run"]',
    ]
    (tmp_path / "shared").mkdir()
    nb = written(room, {"relative-answer": WRONG})
    folders = {"/grader": tmp_path / "grader", "/shared": tmp_path / "shared", "/opt": installed}
    done, results = run(
        "/grader/run", folders, {"comparison.ipynb": nb}, tmp_path / "shared/submission",
        tmp_path / "shared/feedback.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert results["fractionalScore"] == pytest.approx((85 - 4) / 85)
    assert "comparison-relative: ✗ not right (0 / 4)" in results["feedback"]


def test_the_wheel_is_this_package_without_its_hidden_rooms(tmp_path, monkeypatch):
    (tmp_path / "convnet_course.egg-info").mkdir()  # what a build leaves beside the sources
    (tmp_path / "convnet_course.egg-info/PKG-INFO").write_text("Name: convnet-course\n")
    monkeypatch.syspath_prepend(tmp_path)
    name, content = wheel()
    monkeypatch.undo()
    (tmp_path / name).write_bytes(content)
    assert wheel() == (name, content)  # the same bytes each time
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-compile"]
    subprocess.run([*command, "--target", tmp_path / "to", tmp_path / name], check=True)
    here, there = (
        {p.relative_to(root) for name in PACKAGES for p in (root / name).rglob("*")}
        for root in (ROOT, tmp_path / "to")
    )
    here = {p for p in here if (ROOT / p).is_file()}
    there = {p for p in there if p.suffix != ".pyc" and (tmp_path / "to" / p).is_file()}
    left_out = {p for p in here - there if p.suffix != ".pyc"}
    assert there <= here
    assert {p.parent for p in left_out} == {Path("course/grading", room) for room in HIDDEN}
    for path in there:
        assert (tmp_path / "to" / path).read_bytes() == (ROOT / path).read_bytes()
    about = Distribution.at(next((tmp_path / "to").glob("*.dist-info")))
    known = distributions(name="convnet-course")
    installed = next(each for each in known if each.read_text("METADATA"))  # not left by a build
    assert about.version == installed.version and "grading" in about.metadata.json["provides_extra"]
    assert {str(p) for p in about.files} >= {str(p) for p in there}


def test_constraints_are_the_versions_that_grade_here():
    lines = constraints().decode().splitlines()
    found = dict(line.split("==") for line in lines)
    assert len(found) == len(lines) and "convnet-course" not in found
    for name in ("keras", "numpy", "nbgrader", "ipython", "matplotlib-inline"):
        assert found[name] == version(name)


@pytest.mark.parametrize("backend", [None, "tensorflow"])
def test_what_is_installed_is_what_the_settings_ask_for(tmp_path, backend):
    school = School(tmp_path / "course")
    if backend:
        with (school.folder / "nbgrader_config.py").open("a") as file:
            file.write(f"\nc.Judge.backend = {backend!r}\n")
    assert school.course("gradescope", "hw", "--to", str(tmp_path / "hw.zip")) == 0
    assert school.course("workflow", "hw", "--to", str(tmp_path / "hub")) == 0
    setup = zipfile.ZipFile(tmp_path / "hw.zip").read("setup.sh").decode()
    workflow = (tmp_path / "hub/.github/workflows/hw.yml").read_text()
    wanted = f"grading-lite,{backend}" if backend else "grading-lite"
    assert f"[{wanted}]" in setup and f"[{wanted}]" in workflow
    zipfile.ZipFile(tmp_path / "hw.zip").extract("hw.course", tmp_path)
    for path in (tmp_path / "hw.course", tmp_path / "hub/.github/course/hw.course"):
        assert pack.read(path).config["Judge"]["backend"] == (backend or "jax")
