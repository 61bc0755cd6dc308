"""What Classroom 50 and a workflow on GitHub run, run here as their machines would run it.

Three programs are played: `sudo`, and `venv` and `pip` of a Python, which would fetch packages.
Everything else is the written files and the grader itself.
"""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import jsonschema
import nbformat
import pytest
import yaml

from course.cli import main
from course.grading import pack
from course.grading.folder import CourseFolder
from course.grading.grade import job_of
from course.grading.judges import own_judges
from course.grading.out import github
from course.grading.out.wheel import EXTRAS
from tests import made_up
from tests.classroom import LESSONS, Classroom

#: Written from Classroom 50's documentation of result.json, and what its collector asks for.
TEXT, POINTS = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}
RESULT = {
    "type": "object",
    "properties": {
        "schema": {"const": "classroom50/result/v1"},
        **dict.fromkeys(("classroom", "assignment", "commit", "release", "review"), TEXT),
        "submission": {"type": "string", "pattern": "^submit/"},
        "datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
        "score": POINTS,
        "max-score": POINTS,
        "tests": {
            "type": "array",
            "minItems": 1,  # without tests it would count as a success
            "items": {
                "type": "object",
                "properties": {
                    "test-name": TEXT,
                    "passed": {"type": "boolean"},
                    "score": POINTS,
                    "max-score": POINTS,
                },
                "required": ["test-name", "passed", "score", "max-score"],
            },
        },
    },
    "required": [
        "schema", "classroom", "assignment", "submission", "commit", "release", "review",
        "datetime", "score", "max-score", "tests",
    ],
}  # fmt: skip

#: What the runner of Classroom 50 says to an autograder.
RUNNER = {
    "CLASSROOM": "cs-1",
    "ASSIGNMENT": "02-lenet",
    "SUBMISSION_TAG": "submit/2026-11-29T07-00-00Z-abc1234",
    "USERNAME": "ada",
    "OWNER": "ada",
    "COMMIT_URL": "https://example.org/ada/commit/abc1234",
    "RELEASE_URL": "https://example.org/ada/releases/tag/submit",
    "REVIEW_URL": "https://example.org/ada/compare/a...b",
    "RUNNER_ENVIRONMENT": "github-hosted",
}

#: Python's `venv` and `pip` are played; whatever else it is asked for, the real one does.
PYTHON = """#!/bin/sh
case "$3" in
venv) mkdir -p "$4/bin" && ln -s "$0" "$4/bin/python" ;;
pip) test -f "$7" && test -f "${{8%\\[*}}" && echo "$8" >> "{told}" ;;
*) exec "{python}" "$@" ;;
esac
"""
SUDO = """#!/bin/sh
echo "sudo $*" >> "{told}"
"""
REFUSED = """#!/bin/sh
echo "bwrap: setting up uid map: Permission denied" >&2; exit 1
"""
#: The name of a student's file that a log would take for commands.
COMMAND = "::error::no\n##[add-mask]0.ipynb"
#: Modules in a student's checkout with the names of those that the grader imports.
TRAPS = "pip", "venv", "course", "keras", "json", "numpy", "nbformat", "click", "sitecustomize"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def bundle(room, tmp_path_factory):
    """The folder that is published as CLASSROOM/autograders/02-lenet."""
    folder = tmp_path_factory.mktemp("classroom") / "autograders" / "02-lenet"
    assert room.course("classroom50", "02-lenet", "--to", str(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def template(room, tmp_path_factory):
    """A git repository with the workflow and the released notebook."""
    folder = tmp_path_factory.mktemp("template")
    assert room.course("workflow", "02-lenet", "--to", str(folder)) == 0
    nbformat.write(room.release, folder / "lenet.ipynb")
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def git(folder, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    git(folder, "add", "--all")
    git(folder, *who, "commit", "--quiet", "--allow-empty", "-m", "work")


@pytest.fixture
def machine(tmp_path):
    """The environment of a job on a machine of GitHub's."""
    programs, told = tmp_path / "programs", tmp_path / "told"
    programs.mkdir()
    for name, text in {"python": PYTHON, "sudo": SUDO}.items():
        program(programs / name, text.format(told=told, python=sys.executable))
    (tmp_path / "temp").mkdir()
    told.touch()
    environment = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return environment | {
        "PATH": f"{programs}:/usr/bin:/bin:/usr/sbin",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "TRAPPED": str(tmp_path / "trapped"),
        "PYTHON": str(programs / "python"),
        "TOLD": str(told),
    }


def program(path, text):
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def refusing(machine):
    """The same, where no namespace can be made. Root starts the box as a user who must see it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        program(Path(folder, "bwrap"), REFUSED)
        yield machine | {"PATH": f"{folder}:{machine['PATH']}"}


def checkout(template, folder, room, handed_in):
    """A student's checkout, with traps, and the notebook of this kind."""
    git(template, "clone", "--quiet", str(template), str(folder))
    notebook = folder / "lenet.ipynb"
    if handed_in == "right":
        nbformat.write(room.written(), notebook)
    elif handed_in == "renamed":
        notebook.unlink()
        nbformat.write(room.written(), folder / "Copy of homework (2).ipynb")
    elif handed_in == "nothing":
        notebook.unlink()
    (folder / COMMAND).write_text("{}")
    for name in TRAPS:
        trap = f'import os\nopen(os.environ["TRAPPED"], "a").write("{name}")\n'
        (folder / f"{name}.py").write_text(trap)
    commit(folder)
    return folder


def run_steps(path, folder, environment):
    """Run a workflow's steps as a job would. Returns (exit statuses by name, kept artifacts)."""
    (job,) = yaml.safe_load(path.read_text())["jobs"].values()
    statuses, kept, failed = {}, [], False
    for step in job["steps"]:
        condition = step.get("if", "success()")
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            assert "always()" in condition
            kept.append(step["with"]["path"].replace("${{ runner.temp }}", str(folder.parent)))
        if "run" not in step or (failed and "always()" not in condition):
            continue
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True)
        statuses[step["name"]] = done.returncode
        failed = failed or done.returncode != 0
        assert not re.search(r"::error|##\[", done.stdout + done.stderr)
    return statuses, kept


@pytest.mark.parametrize("handed_in", ["right", "nothing"])
def test_a_push_is_judged(room, template, machine, tmp_path, handed_in):
    folder = checkout(template, tmp_path / "repository", room, handed_in)
    statuses, kept = run_steps(folder / ".github/workflows/02-lenet.yml", folder, machine)
    assert set(statuses.values()) == {0} and len(kept) == 1
    verdict = Path(machine["RUNNER_TEMP"], "verdict")
    found = json.loads((verdict / "verdict.json").read_text())
    summary = Path(machine["GITHUB_STEP_SUMMARY"]).read_text()
    if handed_in == "right":
        assert found["score"] == found["max_score"] == 100
        assert summary.startswith("# 02-lenet: 100 of 100 points")
    else:
        assert "lenet.ipynb was not handed in" in found["reasons"][0] and "not graded" in summary
    assert "Your instructor may grade with more tests" in summary
    assert "<html" in (verdict / "feedback.html").read_text()
    assert not Path(machine["TRAPPED"]).exists()
    sudo, wheel = Path(machine["TOLD"]).read_text().splitlines()
    assert "apparmor_restrict_unprivileged_userns=0" in sudo
    assert wheel.endswith(f".whl[{EXTRAS}]")


def test_a_machine_that_cannot_judge_fails_the_workflow(room, template, refusing, tmp_path):
    folder = checkout(template, tmp_path / "repository", room, "right")
    statuses, _ = run_steps(folder / ".github/workflows/02-lenet.yml", folder, refusing)
    assert statuses["Judge"] == 1 and statuses["Show the verdict"] == 0
    assert "cannot be contained" in Path(refusing["GITHUB_STEP_SUMMARY"]).read_text()


def autograded(bundle, folder, machine):
    """(exit status, result or None, release body or None) of autograder.py in a checkout."""
    python = Path(machine["PYTHON"])
    program = (
        "import runpy, sys\n"
        f"sys.executable = {str(python)!r}\n"
        f"runpy.run_path({str(bundle / 'autograder.py')!r}, run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, cwd=folder, env=machine | RUNNER, capture_output=True, text=True)
    assert not re.search(r"::error|##\[", done.stdout + done.stderr)
    return done.returncode, *written(folder)


def autograded_here(bundle, folder, machine, monkeypatch):
    """The same with the judge in this process, where Keras is imported already."""
    start, python = subprocess.run, f"{machine['RUNNER_TEMP']}/course/bin/python"
    own_judges()  # with the variables of this process

    def run(command, **options):
        program, *arguments = map(str, command)
        if (program, arguments[2]) == (python, "course.cli"):
            return subprocess.CompletedProcess(command, main(arguments[3:]))
        program = machine["PYTHON"] if program == sys.executable else program
        return start([program, *arguments], env=machine | RUNNER, **options)

    with monkeypatch.context() as patch:
        patch.chdir(folder)
        for name, value in {**RUNNER, "RUNNER_TEMP": machine["RUNNER_TEMP"]}.items():
            patch.setenv(name, value)
        patch.setattr(subprocess, "run", run)
        status = runpy.run_path(str(bundle / "autograder.py"))["main"]()
    return status, *written(folder)


def written(folder):
    """(result or None, release body or None) that lie in a checkout."""
    result, body = folder / "result.json", folder / "release-body.md"
    return (
        json.loads(result.read_text()) if result.exists() else None,
        body.read_text() if body.exists() else None,
    )


@pytest.mark.parametrize(
    "handed_in, score, said",
    [
        ("right", 100, "100 of 100 points"),
        ("untouched", 0, "○ not answered"),
        ("renamed", 100, "Copy of homework"),
        ("nothing", 0, "lenet.ipynb was not handed in"),
    ],
)
def test_classroom50_gets_a_result(
    room, bundle, template, machine, tmp_path, handed_in, score, said, monkeypatch, capfd
):
    folder = checkout(template, tmp_path / "repository", room, handed_in)
    (folder / "result.json").write_text("{}")  # both are the student's, and do not stay
    (folder / "feedback.html").symlink_to(bundle / "runtime.json")
    if handed_in == "right":  # one as the machine would do it
        status, result, body = autograded(bundle, folder, machine)
    else:
        status, result, body = autograded_here(bundle, folder, machine, monkeypatch)
        assert not re.search(r"::error|##\[", "".join(capfd.readouterr()))
    assert status == 0
    jsonschema.validate(result, RESULT)
    assert (result["score"], result["max-score"]) == (score, 100)
    assert sum(test["score"] for test in result["tests"]) == score
    assert all(test["passed"] == (score > 0) for test in result["tests"])
    told = {key: RUNNER[key.upper()] for key in ("classroom", "assignment")}
    told |= {key: RUNNER[f"{key.upper()}_URL"] for key in ("commit", "release", "review")}
    assert {key: result[key] for key in told} == told
    assert result["submission"] == RUNNER["SUBMISSION_TAG"]
    assert said in body and "Your instructor may grade with more tests" in body
    assert "<html" in (folder / "feedback.html").read_text()
    assert "runs-on" in (bundle / "runtime.json").read_text()
    assert not Path(machine["TRAPPED"]).exists()


def test_a_machine_that_cannot_judge_is_an_error_and_no_score(
    room, bundle, template, refusing, tmp_path
):
    folder = checkout(template, tmp_path / "repository", room, "right")
    status, result, body = autograded(bundle, folder, refusing)
    assert status == 1 and result["score"] == 0 and "cannot be contained" in body


def test_an_installation_that_fails_is_an_error(bundle, machine, tmp_path):
    other = shutil.copytree(bundle, tmp_path / "bundle")
    (other / "constraints.txt").unlink()
    folder = tmp_path / "repository"
    folder.mkdir()
    assert autograded(other, folder, machine) == (1, None, None)


def test_the_wheel_in_the_bundle_judges(room, bundle, tmp_path):
    (wheel,) = bundle.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)  # as pip would
    demo = installed / "course" / "grading" / "demo"
    assert {path.name for path in demo.iterdir()} <= {"__init__.py", "__pycache__"}
    nbformat.write(room.written(), tmp_path / "lenet.ipynb")
    command = [sys.executable, "-P", "-m", "course.cli", "judge", tmp_path / "lenet.ipynb"]
    done = subprocess.run(
        [*command, "--pack", bundle / "02-lenet.course"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
    )
    assert json.loads(done.stdout)["score"] == 100, done.stderr


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request, tmp_path_factory):
    """The assignment of each lesson, released."""
    name = request.param
    return Classroom(tmp_path_factory.mktemp("lesson"), name, name.split("-", 1)[1])


def test_students_have_read_before_what_the_pack_says(lesson, tmp_path):
    job = job_of(CourseFolder(lesson.folder), lesson.assignment)
    assert job.hidden  # otherwise there is nothing to leave out
    (tmp_path / "public.course").write_bytes(pack.packed(pack.released(job)))
    found = pack.read(tmp_path / "public.course")
    assert found.solution == {}
    released = lesson.folder / "assignments" / lesson.assignment
    for path in released.glob("*.ipynb"):
        cells = {cell.id: cell.source for cell in nbformat.read(path, 4).cells}
        for each in found.official[path.stem].values():
            assert each.source.rstrip() == cells[each.name].rstrip()
            assert each.checksum == "" or not job.official[path.stem][each.name].has_hidden
    with zipfile.ZipFile(tmp_path / "public.course") as file:
        beside = {path.name for path in released.iterdir()}
        assert {n.removeprefix("beside/") for n in file.namelist()} - {"pack.json"} <= beside
        about = json.loads(file.read("pack.json"))
    assert about.keys() == {
        "format", "assignment", "kernelspec", "config", "notebooks", "solution", "versions",
    }  # fmt: skip
    kinds = {key for notebook in about["notebooks"].values() for key in notebook}
    assert kinds == {"cells", "plain", "above"}  # the last two are of cells that are released


def harvested(job, room):
    """A notebook with each answer that a test of the pack betrays in its own words."""
    answers = {}
    for official in job.official.values():
        for cell in (cell for cell in official.values() if cell.is_test):
            body = ast.parse(cell.source).body
            helpers = [ast.unparse(node) for node in body if not isinstance(node, ast.Expr)]
            for node in ast.walk(ast.Module(body, [])):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                told = [each.value for each in node.keywords if each.arg in ("like", "gives")]
                told += node.args[1:2] if "value" in ast.unparse(node.func) else []
                if told and isinstance(node.args[0], ast.Name):
                    answer = f"{node.args[0].id} = {ast.unparse(told[0])}"
                    answers.setdefault(node.args[0].id, []).append("\n".join([*helpers, answer]))
    nb = nbformat.from_dict(room.release)
    for name, sources in answers.items():
        tries = [f"try: exec({source!r})\nexcept Exception: pass" for source in sources]
        for cell in nb.cells:
            if cell.cell_type == "code" and re.search(rf"^(def )?{name}\b", cell.source, re.M):
                cell.source = "\n".join([cell.source, *tries])
                break
    return nbformat.writes(nb).encode()


def test_reading_the_bundle_gains_no_point(lesson):
    """The same attack gains points with the instructor's own pack, so it is one."""
    full = job_of(CourseFolder(lesson.folder), lesson.assignment)
    public = pack.released(full)
    assert pack.judge(full, harvested(full, lesson)).score > 0
    assert pack.judge(public, harvested(public, lesson)).score == 0


def test_cloned_repositories_are_collected(room, template, tmp_path, capsys):
    for student in ("cs-1-02-lenet-ada", "cs-1-02-lenet-ben"):
        checkout(template, tmp_path / student, room, "right")
    for trap in [*tmp_path.glob("*/*.py"), *(path / COMMAND for path in tmp_path.iterdir())]:
        trap.unlink()
    assert room.course("collect", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "2 taken, 0 skipped" in out and "taken    02-lenet  cs-1-02-lenet-ada" in out


# --- the written files


def linted(path):
    """What two linters of workflows say; nothing if all is well."""
    said = ""
    for command in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", path],
        ["jactionlint", "--profile", "pedantic", "--strict-exit", "--shellcheck=", path],
    ):
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True)
        said += f"{done.stdout}{done.stderr}" if done.returncode else ""
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="the linter is installed on Linux only")
def test_the_workflow_is_without_faults(template, tmp_path):
    path = template / ".github" / "workflows" / "02-lenet.yml"
    assert linted(path) == ""
    text = path.read_text()
    for before, after in {
        "runs-on:": "run-on:",
        "echo ": "echo ${{ github.event.head_commit.message }} ",
    }.items():
        wrong = tmp_path / ".github" / "workflows" / "wrong.yml"
        wrong.parent.mkdir(parents=True, exist_ok=True)
        wrong.write_text(text.replace(before, after))
        assert before in text and linted(wrong) != "", after


def test_the_workflow_may_only_read_and_names_its_actions_by_commit(template):
    text = (template / ".github" / "workflows" / "02-lenet.yml").read_text()
    found = yaml.safe_load(text)
    assert found["permissions"] == {"contents": "read"}
    (job,) = found["jobs"].values()
    assert job["timeout-minutes"] <= 30 and "permissions" not in job
    for step in job["steps"]:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(
            r"actions/[\w-]+@[0-9a-f]{40}", step.get("uses", "actions/a@" + 40 * "0")
        )
    assert set(found[True]) == {"push", "workflow_dispatch"}  # YAML reads `on` as true


def test_the_commands_say_what_is_left_out(room, tmp_path, capsys):
    for command in ("classroom50", "workflow"):
        assert room.course(command, "02-lenet", "--to", str(tmp_path / command)) == 0
        out = capsys.readouterr().out
        assert "hidden tests of 6 exercises" in out and "lenet-1998" in out
        assert f"{command}/" in out and ".course" in out


@pytest.mark.parametrize("name", ["Week 1", "a", "-x", "a" * 40, "x$(id)"])
def test_a_name_that_github_cannot_have_is_refused(name):
    job = made_up.job_of(made_up.graded("hw-1", "assert x == 1"))
    object.__setattr__(job, "assignment", name)
    for write in (github.classroom50, github.workflow):
        with pytest.raises(github.CourseError, match="cannot be one on GitHub"):
            write(job)


def test_two_notebooks_have_no_page():
    job = made_up.job_of(made_up.graded("hw-1", "assert x == 1"))
    job.official["second"] = job.official["hw"]
    assert b"feedback.html" not in github.classroom50(job)["autograder.py"]
    text = github.workflow(job)[".github/workflows/hw.yml"].decode()
    assert (
        "html" not in text
        and "verdict.md" in yaml.safe_load(text)["jobs"]["judge"]["steps"][4]["run"]
    )


def test_a_bundle_that_is_too_large_names_the_largest_files():
    job = made_up.job_of(made_up.graded("hw-1", "assert x == 1"))
    job.files.update({"photos.zip": os.urandom(github.MOST), "small.txt": b"x"})
    with pytest.raises(github.CourseError, match=r"Classroom 50 takes 10 MB.*photos\.zip, small"):
        github.classroom50(job)
