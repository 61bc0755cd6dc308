"""The students' copy of the course: complete, and without a solution or a hidden test."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib

import nbformat
import numpy as np
import pytest
import yaml
from setuptools import find_packages

from course import __version__
from course.cli import main
from course.grading.out.repository import https
from course.notebook.enclosed import release_in
from tests.classroom import ROOT
from tests.school import School, source

ADDRESS = "https://github.com/you/convnets"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course's own folder, so that a release changes nothing here."""
    folder = tmp_path_factory.mktemp("course") / "c"
    folder.mkdir()
    given = ("solutions", "tables", "notebooks", "docs", "binder", ".devcontainer")
    for path in ROOT.iterdir():
        if path.name in given or path.is_file():
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def copy(course):
    folder = course.parent / "students"
    publish = ["publish", "--no-trial", "--course", str(course), str(folder)]
    assert main([*publish, "--repository", ADDRESS]) == 0
    return folder


def lines(text):
    return "\n".join(filter(None, (line.strip() for line in text.splitlines())))


def text(path):
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    _, enclosed = release_in(path.read_bytes()) or ("", {})  # what it carries in its metadata
    cells = [*nbformat.read(path, 4).cells, *enclosed.values()]
    return "\n".join(cell.source for cell in cells)


def test_no_solution_and_no_hidden_test_is_in_it(copy):
    secrets = 0
    for path in ROOT.glob("solutions/*/*.ipynb"):
        own = lines(text(copy / "assignments" / path.parent.name / path.name))
        for cell in nbformat.read(path, 4).cells:
            for part in re.split(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n", cell.source)[1:]:
                secret = lines(part.split("### END")[0])
                assert len(secret) < 40 or secret not in own, cell.id
                secrets += len(secret) >= 40
    assert secrets > 80  # it is known what is looked for
    for path in copy.rglob("*"):
        if path.is_file():
            found = path.read_text(encoding="utf-8", errors="replace")  # images are no text
            assert not re.search(r"### (BEGIN|END) (SOLUTION|HIDDEN)", found), path
            assert path.name == "pyproject.toml" or "tests.bank" not in found, path


def test_images_without_labels_are_in_it_and_their_labels_are_not(copy):
    solution = nbformat.read(ROOT / "solutions/08-project/project.ipynb", 4)
    (check,) = (c.source for c in solution.cells if c.id == "project-predictions")
    labels = re.findall(r"^    \"([0-9]{20,})\"$", check, re.MULTILINE)
    assert sum(map(len, labels)) == 500
    texts = [p.read_bytes().decode("latin-1") for p in copy.rglob("*") if p.is_file()]
    assert not [line for line in labels for found in texts if line in found]
    (stored,) = copy.rglob("*.npz")
    with np.load(stored, allow_pickle=False) as arrays:
        assert {name: arrays[name].shape for name in arrays} == {"images": (500, 28, 28, 1)}


def test_nothing_of_grading_is_in_it(copy):
    top = {path.name for path in copy.iterdir()}
    assert top == {
        ".devcontainer", ".gitignore", ".published.json", "LICENSE", "LICENSE-TEXTS.md", "Makefile",
        "README.md", "assignments", "binder", "constraints.txt", "convnet_course", "course",
        "docs", "environment.yml", "nbgrader_config.py", "notebooks", "pyproject.toml",
        "start.ipynb",
    }  # fmt: skip
    assert not (copy / "course/grading").exists()
    pages = {path.name for path in (copy / "docs").iterdir()}
    assert pages == {"accessibility.md", "glossary.md", "students.md"}


def test_all_links_lead_to_something(copy):
    pages = [copy / "README.md", copy / "docs/students.md", *copy.rglob("*.ipynb")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(page)):
            if not link.startswith(("http", "attachment:")):
                assert (page.parent / link).exists(), f"{page}: {link}"
        for name in re.findall(r"`((?:docs|notebooks|assignments)/[\w./-]+\w)`", text(page)):
            assert (copy / name).exists(), f"{page}: {name}"


def test_colab_gets_the_course_from_the_copy(copy):
    for path in [*copy.glob("assignments/*/*.ipynb"), *copy.glob("notebooks/*.ipynb")]:
        found = text(path)
        assert f'REPOSITORY = "git+{ADDRESS}"' in found
        where = path.relative_to(copy).as_posix()
        assert f"research.google.com/github/you/convnets/blob/main/{where})" in found


def test_the_copy_works_by_itself(copy, tmp_path):
    paths = os.pathsep.join([str(copy), sysconfig.get_path("purelib")])
    quiet = {**os.environ, "PYTHONPATH": paths, "KERAS_BACKEND": "jax"}

    def python(*arguments):
        command = [sys.executable, "-S", *arguments]  # without the course that is installed here
        return subprocess.run(command, cwd=tmp_path, env=quiet, capture_output=True, text=True)

    where = python("-c", "import course; print(course.__file__)").stdout
    assert where.startswith(str(copy))
    packages = find_packages(copy, include=["course*"])
    assert "course.check" in packages and not any("grading" in name for name in packages)
    said = python("-m", "course.cli", "doctor")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "bubblewrap" not in said.stdout and "stored training curves" in said.stdout
    refused = python("-m", "course.cli", "grade", "02-lenet")
    assert refused.returncode == 1 and "this is the students' copy" in refused.stderr


def test_make_and_conda_install_the_same(copy):
    make = subprocess.run(["make", "--dry-run", "lab"], cwd=copy, capture_output=True, text=True)
    assert make.returncode == 0, make.stderr
    extras = re.search(r'--editable "(\.\[.*?\])"', make.stdout)[1]
    assert extras == ".[tensorflow,digits,lab,validate]"
    packages = yaml.safe_load((copy / "environment.yml").read_text())["dependencies"]
    assert packages[-1]["pip"][-1] == f"--editable {extras}"
    listed = subprocess.run(["make", "help"], cwd=copy, capture_output=True, text=True).stdout
    assert "make lab" in listed and "demo" not in listed


def test_validate_has_the_same_limits(copy):
    limits = re.compile(r"^c\.Execute\..*", re.MULTILINE)
    theirs = limits.findall((copy / "nbgrader_config.py").read_text())
    assert theirs == limits.findall((ROOT / "nbgrader_config.py").read_text()) and theirs


def test_publishing_again_brings_it_up_to_date(course, copy, capsys):
    publish = ["publish", "--no-trial", "--course", str(course), str(copy)]
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()}
    (copy / "syllabus.md").write_text("mine")
    (copy / "README.md").write_text("changed by hand")
    assert main([*publish, "01-convolution", "02-lenet", "--repository", ADDRESS]) == 0
    assert [path.name for path in sorted((copy / "assignments").rglob("*.ipynb"))] == [
        "convolution.ipynb", "lenet.ipynb",
    ]  # fmt: skip
    kept = [p for p, date in before.items() if p.exists() and p.stat().st_mtime_ns == date]
    assert copy / "notebooks/02-lenet.ipynb" in kept
    assert "Keras" in (copy / "README.md").read_text()
    assert (copy / "syllabus.md").read_text() == "mine"


def test_a_list_that_somebody_changed_deletes_nothing_outside(course, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    folder = tmp_path / "students"
    folder.mkdir()
    names = ["../thesis.tex", str(tmp_path / "thesis.tex"), "old.md"]
    (folder / "old.md").write_text("from an earlier copy")
    (folder / ".published.json").write_text(json.dumps({"files": names}))
    publish = ["publish", "--no-trial", "--course", str(course), str(folder), "02-lenet"]
    assert main(publish) == 0
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert not (folder / "old.md").exists()


def test_the_start_page_has_no_link_that_leads_nowhere(course, tmp_path):
    publish = ["publish", "--no-trial", "--course", str(course), str(tmp_path), "02-lenet"]
    assert main(publish) == 0
    start = text(tmp_path / "start.ipynb")
    links = re.findall(r"\]\(((?:assignments|notebooks|docs)/[^)]+)\)", start)
    assert "assignments/02-lenet/lenet.ipynb" in links
    assert [link for link in links if not (tmp_path / link).is_file()] == []
    assert "| 03-alexnet |" in start


def test_it_writes_over_nothing_else(course, tmp_path, capsys):
    publish = ["publish", "--no-trial", "--course", str(course)]
    (tmp_path / "thesis.tex").write_text("mine")
    for folder in (tmp_path, course, course.parent, course / "solutions"):
        assert main([*publish, str(folder)]) == 1
    said = capsys.readouterr().err
    assert "is not empty, and not a students' copy: it holds thesis.tex" in said
    assert "holds the course itself" in said
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_wrong_folder_is_told_before_the_solutions_are_graded(course, tmp_path, capsys):
    assert main(["publish", "--course", str(course), str(course), "02-lenet"]) == 1
    said = capsys.readouterr()
    assert "holds the course itself" in said.err
    assert "tried" not in said.out
    address = ["--repository", "git.example.org"]
    assert main(["publish", "--course", str(course), str(tmp_path), *address, "02-lenet"]) == 1
    said = capsys.readouterr()
    assert "should be an https:// address. Received: git.example.org" in said.err
    assert "tried" not in said.out


def test_from_ones_own_assignments_alone_no_copy_is_made(tmp_path, capsys):
    school = School(tmp_path / "course")
    assert school.course("publish", "--no-trial", str(tmp_path / "students")) == 1
    said = capsys.readouterr().err
    assert "LICENSE is missing in" in said and "`course release` writes into assignments/" in said
    assert not (tmp_path / "students").exists()


def test_a_solution_that_got_into_a_lecture_is_not_published(course, tmp_path, capsys):
    nb = nbformat.read(ROOT / "solutions/02-lenet/lenet.ipynb", 4)
    cell = next(cell for cell in nb.cells if cell.get("id") == "model-answer")
    lecture = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.source)])
    folder = tmp_path / "c"
    folder.mkdir()
    for path in course.iterdir():
        if path.name not in ("notebooks", "assignments"):
            (folder / path.name).symlink_to(path)
    (folder / "notebooks").mkdir()
    nbformat.write(lecture, folder / "notebooks/02-lenet.ipynb")
    to = tmp_path / "students"
    assert main(["publish", "--no-trial", "--course", str(folder), str(to), "02-lenet"]) == 1
    said = capsys.readouterr().err
    assert (
        "Nothing was published: notebooks/02-lenet.ipynb holds the solution of lenet.ipynb" in said
    )
    assert not to.exists()


# --- the address


@pytest.mark.parametrize(
    "address, expected",
    [
        ("git@github.com:you/convnets.git", "https://github.com/you/convnets.git"),
        ("github.com:you/convnets", "https://github.com/you/convnets"),
        ("ssh://git@github.com/you/convnets.git", "https://github.com/you/convnets.git"),
        ("ssh://git@ssh.github.com:443/you/convnets", "https://github.com/you/convnets"),
        ("ssh://git@gitlab.uni.edu:2222/a/b/c.git", "https://gitlab.uni.edu/a/b/c.git"),
        ("git://example.org/x.git", "https://example.org/x.git"),
        ("https://you:token@github.com/you/convnets", "https://github.com/you/convnets"),
        ("https://git.uni.edu:8443/x/y", "https://git.uni.edu:8443/x/y"),
        ("git@work:x/y.git", ""),  # an alias that only this machine's ssh knows
        ("/srv/git/convnets.git", ""),
        ("../convnets", ""),
        ("file:///srv/git/convnets.git", ""),
        ("C:/git/convnets", ""),
        ("", ""),
    ],
)
def test_any_remote_becomes_https_or_is_refused(address, expected):
    assert https(address) == expected


def git(folder, *arguments):
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", folder, *names, *arguments], check=True, capture_output=True)


def test_release_says_what_it_stamps_and_warns_of_a_repository_with_solutions(tmp_path, capsys):
    school = School(tmp_path / "c")
    setup = nbformat.v4.new_code_cell('REPOSITORY = ""', id="setup")
    nb = source()
    nb.cells.insert(0, setup)
    nbformat.write(nb, school.folder / "solutions/hw/p1.ipynb")

    def released(*arguments):
        capsys.readouterr()
        assert school.course("release", "--no-trial", *arguments) == 0
        return text(school.folder / "assignments/hw/p1.ipynb"), capsys.readouterr().err

    git(school.folder, "init")
    git(school.folder, "remote", "add", "origin", "git@work:x/y.git")
    found, said = released()
    assert 'REPOSITORY = ""' in found and "git@work:x/y.git, has no https address" in said

    git(school.folder, "remote", "set-url", "origin", "git@github.com:x/y.git")
    found, said = released()
    assert 'REPOSITORY = "git+https://github.com/x/y.git"' in found
    assert "Colab will get the course from https://github.com/x/y.git" in said
    assert "WARNING" not in said

    git(school.folder, "add", "solutions")
    for arguments in ((), ("--repository", "https://github.com/x/y.git")):
        _, said = released(*arguments)
        assert "WARNING: that is the repository of this folder" in said
        assert "course publish" in said
    _, said = released("--repository", ADDRESS)
    assert "WARNING" not in said


def test_the_copy_has_the_version_that_wrote_it_whatever_tags_its_repository_has(copy):
    project = tomllib.loads((copy / "pyproject.toml").read_text())
    assert project["project"]["version"] == __version__ and "dynamic" not in project["project"]
    assert project["build-system"]["requires"] == ["setuptools>=77"]
