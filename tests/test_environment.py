"""environment.yml, pyproject.toml and constraints.txt say the same, and so does the Makefile."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import LONGEST

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = {
    canonicalize_name(name): Version(version)
    for name, version in (
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines()
    )
}
EXTRAS = PROJECT["optional-dependencies"].values()
REQUIREMENTS = [Requirement(text) for texts in (PROJECT["dependencies"], *EXTRAS) for text in texts]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_requirement_is_pinned_and_the_pin_fulfils_it(requirement):
    pin = PINS.get(canonicalize_name(requirement.name))
    assert pin is not None, f"constraints.txt has no pin of {requirement.name}"
    assert pin in requirement.specifier


def test_pins_are_names_and_versions_only():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[\w.-]+==[\w.!+]+", line), line


def test_the_student_half_has_no_upper_limits():
    for text in PROJECT["dependencies"]:
        assert not any(
            spec.operator in ("<", "<=", "==", "~=") for spec in Requirement(text).specifier
        )


def test_conda_installs_what_make_installs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, with_pip = environment["dependencies"]
    assert pip == "pip"
    assert (
        Version(python.split("=")[1])
        in Requirement(f"python{PROJECT['requires-python']}").specifier
    )
    constraint, editable = with_pip["pip"]
    assert constraint == "--constraint constraints.txt"
    extras = re.search(r'--editable "(\.\[tensorflow.*?\])"', (ROOT / "Makefile").read_text())[1]
    assert editable == f"--editable {extras}"


@pytest.mark.parametrize("makefile", ["Makefile", "course/grading/templates/student/Makefile"])
@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_make_refuses_a_python_for_which_there_is_no_tensorflow(tmp_path, makefile, version):
    for name in (makefile, "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    other = tmp_path / "python"  # this one, which says that it is another
    lines = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
    other.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{lines}' \"$2\"\n")
    other.chmod(0o755)
    command = ["make", f"PYTHON={other}", ".venv/.ready"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    versions = [f"3.{minor}" for minor in range(11, 14)]
    said = f"Python {', '.join(versions[:-1])} or {versions[-1]} is needed: for others there is no "
    assert made.returncode and f"{said}TensorFlow {PINS['tensorflow']}." in made.stdout
    assert not (tmp_path / ".venv").exists()
    classifiers = [f"Programming Language :: Python :: {each}" for each in versions]
    assert set(classifiers) <= set(PROJECT["classifiers"])


def test_everything_installed_here_is_as_pinned():
    from importlib.metadata import distributions

    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}  # not what others carry
    found = distributions(path=list(here))
    installed = {canonicalize_name(d.name): Version(d.version) for d in found}
    others = {n: v for n, v in installed.items() if n in PINS and PINS[n] != v}
    assert not others


def test_the_files_that_run_first_are_there():
    assert [name for name in LONGEST if not (ROOT / "tests" / name).exists()] == []
