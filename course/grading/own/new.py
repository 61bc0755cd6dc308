"""`course new`: a small assignment that works as it is, for an instructor to change.

It has a source notebook in the style of this course, the table that its checks compare with, and a
bank of right answers and mistakes on which it is tried.
"""

import json
import keyword
import re
from importlib.resources import files
from pathlib import Path

import nbformat

from course.grading import CONFIG, CourseError, course_folder
from course.grading.demo import notebook
from course.grading.folder import BANKS, write_atomically
from course.grading.own.house import template
from course.plain import one_line

_NAME = re.compile(r"(?:\d+-)?([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")  # for nbgrader, and on GitHub


def begin(folder, name):
    """Make a folder a course folder, unless it is or lies in one. Returns the new file or None.

    Raises CourseError for a name that no new assignment can have, and leaves the folder as it is.
    """
    _words(name)
    folder = Path(folder or ".")
    try:
        course_folder(folder)
    except CourseError:
        text = files("course.grading.demo").joinpath(CONFIG).read_text(encoding="utf-8")
        named = f"course_id = {json.dumps(folder.resolve().name)}"
        path = folder / CONFIG
        write_atomically(path, text.replace('course_id = "demo"', named).encode())
        return path
    return None


def new(course, name, variants=False):
    """Write a new assignment of this name into the course's folder. Returns its files' paths.

    With `variants`, each student has another network.

    Raises CourseError for a name that Python, nbgrader or GitHub would not take, and if one of the
    files is there already.
    """
    words = _words(name)
    source, root = course.path("source", name), course.root
    paths = {
        source / f"{words['NOTEBOOK']}.ipynb": "notebook.md",
        root / "tables" / f"{words['MODULE']}.py": "table.txt",
        root / BANKS / f"{name}.py": "bank.txt",
    }
    if variants:
        notebook_, _, bank = paths
        paths = {
            notebook_: "notebook.md",
            source / "tables" / "variant.py": "variant.txt",
            bank: "variants.txt",
        }
    if there := [path for path in (source, *paths) if path.exists()]:
        raise CourseError(
            f"{there[0]} is there already, and nothing is overwritten. Choose another name, or "
            "move it away."
        )
    for path, model in paths.items():
        text = template(model)
        if variants and path.suffix == ".ipynb":
            text = _with_variants(text)
        filled = re.sub(r"@([A-Z]+)@", lambda word: words[word[1]], text)
        if path.suffix == ".ipynb":
            filled = nbformat.writes(notebook(filled)) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, filled.encode())
    return list(paths)


def _with_variants(text):
    """The text of the new notebook with exercises about the student's own table."""
    text = text.replace("of two convolutions from its table", "from a table of your own")
    text = text.replace("from tables.@MODULE@ import @TABLE@\n", "")
    exercises = re.compile(r"^## 1 .*?(?=^## Your points)", re.MULTILINE | re.DOTALL)
    return exercises.sub(lambda _: template("variants.md"), text)


def _words(name):
    """What stands in the templates for each @WORD@. Raises CourseError for a wrong name."""
    found = _NAME.fullmatch(name)
    module = found and found[1].replace("-", "_")
    if not found or len(name) > 39 or keyword.iskeyword(module):
        why = f" ({module} is a word of Python's own)" if found and len(name) <= 39 else ""
        raise CourseError(
            "An assignment's name should have small letters, digits and hyphens, at most 39, and "
            "a letter first or after its number, such as 09-mobilenet. Received: "
            f"{one_line(name)}{why}"
        )
    return {
        "ASSIGNMENT": name,
        "NOTEBOOK": found[1],
        "MODULE": module,
        "TABLE": module.upper(),
        "TITLE": found[1].replace("-", " ").capitalize(),
    }
