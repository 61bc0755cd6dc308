"""The rooms of the package: each imports rooms below it, and no two modules need each other."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from tests.classroom import ROOT

#: From the ground up. A door is another name of a module, for those who imported it there.
ROOMS = (
    {"plain", "arithmetic", "normalisation", "show", "language", "setup_cell", "exercise"},
    {"notebook"},
    {"architectures"},
    {"network"},
    {"evidence"},
    {"anatomy"},
    {"diagnosis"},
    {"check"},
    {"kit"},
    {"trace", "data", "figures"},  # doors
    {"grading"},
    {"cli", "doctor", "__init__"},
)
GRADING = (
    {"__init__"},
    {"notebook", "sandbox", "tables"},
    {"folder", "settings", "troubles", "variants"},
    {"inbox"},
    {"verdict"},
    {"job", "judges", "worker", "late", "hand", "results", "book", "cluster", "grade", "pack"},
    {"out"},
    {"demo"},
    {"own"},
    {"commands", "authoring", "cli", "platforms", "table", "templates"},
)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted((ROOT / "course").rglob("*.py"))}


def imports(name):
    """The modules of the course that a module imports anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "course":
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                found.add(inside if inside in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
    return found - {name, "course"}


def storey(name, rooms, depth):
    room = [*name.split("."), "__init__"][depth]
    return next(number for number, names in enumerate(rooms) if room in names)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "course"])
def test_a_module_imports_only_from_its_room_and_from_rooms_below(name):
    for other in imports(name):
        assert storey(other, ROOMS, 1) <= storey(name, ROOMS, 1), other
        if name.startswith("course.grading.") and other.startswith("course.grading."):
            assert storey(other, GRADING, 2) <= storey(name, GRADING, 2), other


def test_the_students_half_does_without_what_only_grading_needs():
    for name, path in MODULES.items():
        if not name.startswith("course.grading"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^ *(import|from) (nbgrader|distributed)\b", text, re.M), name


def test_no_two_modules_need_each_other():
    inside = {name: {o for o in imports(name) if not name.startswith(f"{o}.")} for name in MODULES}
    assert len(list(TopologicalSorter(inside).static_order())) == len(MODULES)


def test_the_map_in_the_readme_is_complete():
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## How it is built")[1]
    # The names in the map: what each line, and each part of it after a dot, begins with.
    names = re.findall(r"(?:^ *|· )((?:[\w/]+, )*[\w/]+)", text, re.MULTILINE)
    words = set(re.findall(r"\w+", " ".join(names)))
    networks = set((ROOT / "course/architectures").glob("*.py"))
    tables = {path.stem for path in networks} - {"ilsvrc"}
    for name, path in MODULES.items():
        room = path.parent.name if path.stem == "__init__" else path.stem
        assert room in words or room in tables or name.endswith("nbgrader_config"), name


def test_no_module_is_longer_than_a_reader_takes_in_at_once():
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > 350} == {}


@pytest.mark.parametrize(
    "door",
    [
        "from course.diagnosis import diagnose", "from course.anatomy import anatomy",
        "from course.evidence import weightless", "from course.trace import trace",
        "from course.architectures.lenet import LENET5",
        "from course.figures import architecture", "from course.data import load",
        "from course import check, data, figures",
    ],
)  # fmt: skip
def test_a_door_that_others_use_opens_first(door):
    """In an interpreter that has imported nothing else of the course."""
    names = [name.strip() for name in door.partition(" import ")[2].split(",")]
    says = f"{door}\nprint(*(type(each).__name__ for each in ({', '.join(names)},)))"
    done = subprocess.run(
        [sys.executable, "-c", says], cwd=ROOT, capture_output=True, text=True, check=True
    )
    kinds = {"check": "module", "data": "module", "figures": "module", "LENET5": "Table"}
    assert done.stdout.split() == [kinds.get(name, "function") for name in names]
