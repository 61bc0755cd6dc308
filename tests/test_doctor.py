"""The environment, line by line, and the words of the errors that the pages explain."""

import ast
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from course import doctor
from course.cli import main


def test_a_good_environment_is_found_good(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "BAD" not in said
    assert "Keras computes on" in said and "bubblewrap contains student code" in said
    assert said.rstrip().endswith("Everything that is needed is here.")


def test_what_is_missing_is_named_with_its_cure(monkeypatch, capsys):
    versions, known = {"keras": "3.1.0", "numpy": None}, doctor._version
    found = lambda name: versions[name] if name in versions else known(name)  # noqa: E731
    monkeypatch.setattr(doctor, "_version", found)
    monkeypatch.setattr(doctor, "_instructor", lambda folder: [])
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert 'keras 3.1.0 is older than 3.8.\n      pip install --upgrade "keras>=3.8"' in said
    assert 'numpy is not installed.\n      pip install "numpy>=1.26"' in said
    assert "2 to mend." in said


def test_a_data_folder_that_cannot_be_used(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "file"))
    line = doctor._data()
    assert line.state == doctor.BAD and "TFDS_DATA_DIR" in line.mend


def test_a_full_disk(monkeypatch):
    usage = doctor.shutil.disk_usage(".")._replace(free=10_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert doctor._disk(".").state == doctor.BAD


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_where_there_is_no_sandbox_it_says_what_to_use(monkeypatch, system):
    monkeypatch.setattr(doctor.platform, "system", lambda: system)
    line = doctor._sandbox()
    assert line.state == doctor.NOTE and "--throw-away-container" in line.mend


def test_a_sandbox_that_does_not_work(monkeypatch):
    from course.grading.sandbox import outside

    def broken(*_):
        raise outside.BoxError("bwrap: no permission")

    monkeypatch.setattr(outside.Box, "__enter__", broken)
    line = doctor._sandbox()
    assert line.state == doctor.BAD and "no permission" in line.mend


def test_a_terminal_of_the_lab_knows_the_command():
    made = subprocess.run(["make", "--dry-run", "lab"], cwd=ROOT, capture_output=True, text=True)
    start = made.stdout.split("jupyter lab --notebook-dir")[0].splitlines()[-1]
    assert start.startswith(f'PATH="{ROOT / ".venv" / "bin"}:')


ROOT = Path(__file__).parents[1]
# What Python, TensorFlow, SQLite or the operating system say.
FOREIGN = ("ModuleNotFoundError", "NameError", "ResourceExhausted", "No space left", "database is")


def literals(source):
    """The texts of a program, those of f-strings with … for what is filled in."""
    tree = ast.parse(source)
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.value
        elif isinstance(node, ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("page", ["students", "instructors"])
def test_troubleshooting_starts_from_words_that_are_really_said(page):
    lenet = nbformat.read(ROOT / "notebooks" / "02-lenet.ipynb", 4)
    setup = next(cell.source for cell in lenet.cells if cell.id == "setup")
    programs = [path.read_text(encoding="utf-8") for path in (ROOT / "course").rglob("*.py")]
    said = "\n".join(text for source in [*programs, setup] for text in literals(source))
    said += "\n[Picture: …]\nNotImplementedError"
    table = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").split("goes wrong\n")[1]
    rows = re.findall(r"^\| ([^|]*`[^|]+) \|", table.split("\n## ")[0], re.MULTILINE)
    assert len(rows) >= 8
    for words in rows:
        for text in re.findall(r"`([^`]+)`", words):
            parts = [part.strip(" :") for part in re.split("…", text)]
            assert text.startswith(FOREIGN) or all(
                piece in said for part in parts for piece in part.split(": ")
            ), text
