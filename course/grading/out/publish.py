"""The students' copy of a course: no solutions, no hidden tests, nothing of grading.

The course's own folder must never be published. `publish` writes a copy for students into another
folder. Only listed files go into it, and the copy is searched for solutions before it is written.
"""

import json
import re
from importlib.resources import files
from pathlib import Path

import nbformat

from course import __version__
from course.grading import CourseError
from course.grading.folder import write_atomically
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import embedded
from course.grading.out.release import language_of, release, stamped
from course.grading.out.repository import git_remote, https

MANIFEST = ".published.json"  # lists the files that `publish` wrote and may replace
_AS_THEY_ARE = (
    "LICENSE", "LICENSE-TEXTS.md", "constraints.txt", "pyproject.toml",
    "binder/postBuild", "binder/requirements.txt", "binder/runtime.txt",
    ".devcontainer/devcontainer.json",
)  # fmt: skip
_DOCS = ("docs/students.md", "docs/glossary.md", "docs/accessibility.md")
_NEEDED = (*_AS_THEY_ARE, *_DOCS, "environment.yml", "start.ipynb")
_OURS = {"gitignore": ".gitignore"}  # {name of a template: its name in the copy, if different}
_FOR_INSTRUCTORS = " · [For instructors](docs/instructors.md)"
_LINK = re.compile(r"\[([^]]+)\]\((assignments/[^)]+)\)")
_EXTRAS = re.compile(r"\.\[[\w,]+\]")
# The tags of the copy's repository are not those of the course.
_VERSION = {
    b'dynamic = ["version"]': f'version = "{__version__}"'.encode(),
    b', "setuptools-scm>=8"': b"",
}
_STUDENTS_EXTRAS = ".[tensorflow,digits,lab,validate]"
_SECRET = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)### END \1", re.DOTALL)
_SHORT = 40  # characters; a shorter solution may occur in other texts by chance


def publish(course, folder, assignments, address, before):
    """Release the assignments and write the students' copy. Returns its files.

    The folder, its address and the files of an earlier copy are those that `destination` gives.
    Raises CourseError if a solution would be published.
    """
    for assignment in assignments:
        release(course, assignment, address)
    copy = _copy(course, assignments, address)
    _keep_secrets(course, copy)
    _write(folder, copy, before)
    return sorted(copy)


def destination(course, folder, repository):
    """(the copy's folder, its https address or "", the files that an earlier call wrote there).

    `repository` is the address for Colab; if it is None, the git remote of the folder counts.
    Raises CourseError if the course is not the whole repository, the folder holds other files, or
    the repository has no such address.
    """
    for name in _NEEDED:
        if not (course.root / name).is_file():
            raise CourseError(
                f"{name} is missing in {course.root}. A copy for students is made from the whole "
                "repository of the course. From a folder that has your own assignments alone, "
                "give your students what `course release` writes into "
                f"{course.directory.release_directory}/."
            )
    folder = Path(folder).resolve()
    if folder == course.root or folder in course.root.parents:
        raise CourseError(f"{folder} holds the course itself; name a folder beside it.")
    before = _published(folder)
    if repository is None:
        repository = git_remote(folder) if (folder / ".git").exists() else ""
    address = https(repository)
    if repository and not address:
        raise CourseError(f"The repository should be an https:// address. Received: {repository}")
    return folder, address, before


def _copy(course, assignments, address):
    """{path in the copy: bytes}."""
    root, packages = course.root, Path(__file__).parents[3]
    copy = {name: (root / name).read_bytes() for name in (*_AS_THEY_ARE, *_DOCS)}
    environment = (root / "environment.yml").read_text(encoding="utf-8")
    start = (root / "start.ipynb").read_text(encoding="utf-8").replace(_FOR_INSTRUCTORS, "")
    copy["environment.yml"] = _EXTRAS.sub(_STUDENTS_EXTRAS, environment).encode()
    for ours, theirs in _VERSION.items():
        copy["pyproject.toml"] = copy["pyproject.toml"].replace(ours, theirs)
    for package in ("course", "convnet_course"):
        for path in _below(packages / package, without=("grading",)):
            copy[path.relative_to(packages).as_posix()] = path.read_bytes()
    for path in files("course.grading").joinpath("templates/student").iterdir():
        if path.is_file():  # no __pycache__
            copy[_OURS.get(path.name, path.name)] = path.read_bytes()
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        name = f"notebooks/{path.name}"
        nb = embedded(read_source(path), path.parent)
        nb = stamped(nb, address, name, language_of(course))
        copy[name] = (nbformat.writes(nb) + "\n").encode()
    for assignment in assignments:
        place = course.path("release", assignment)
        for path in _below(place):
            copy[f"assignments/{assignment}/{path.relative_to(place).as_posix()}"] = (
                path.read_bytes()
            )
    # What is not given out yet is named, without a link that would lead nowhere.
    start = _LINK.sub(lambda link: link[0] if link[2] in copy else link[1], start)
    copy["start.ipynb"] = start.encode()
    return copy


def _below(folder, without=()):
    """The files below a folder, without hidden files and Python's caches."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "__pycache__")) for part in parts)
        if path.is_file() and not hidden and parts[0] not in without:
            yield path


def _keep_secrets(course, copy):
    """Raise CourseError if the copy holds a solution or a hidden test of any assignment.

    Only other assignments may hold it: a later one may give the answer of an earlier exercise.
    """
    every = {name: _plain(_text(name, content)) for name, content in copy.items()}
    for assignment in course.assignments():
        texts = {
            name: text
            for name, text in every.items()
            if name.startswith(f"assignments/{assignment}/") or not name.startswith("assignments/")
        }
        for path in course.notebooks(assignment):
            for cell, what, secret in secrets(read_source(path)):
                if found := [name for name, text in texts.items() if secret in text]:
                    raise CourseError(
                        f"Nothing was published: {found[0]} holds the {what} of {path.name}, cell "
                        f"{cell.get('id')}. It begins with: {secret.splitlines()[0]}"
                    )


def secrets(nb):
    """Yield (cell, "solution" or "hidden tests", their text) of a source notebook.

    Texts so short that others may hold them by chance are left out.
    """
    for cell in nb.cells:
        for what, secret in _SECRET.findall(cell.source):
            if len(secret := _plain(secret)) >= _SHORT:
                yield cell, what.lower(), secret


def without_secrets(nb):
    """The text that students get of a source notebook."""
    return _plain("\n".join(_SECRET.sub("", cell.source) for cell in nb.cells))


def _text(name, content):
    if not name.endswith(".ipynb"):
        return content.decode("utf-8", "replace")
    return "\n".join(cell.source for cell in nbformat.reads(content.decode(), 4).cells)


def _plain(text):
    """The text's lines without blanks around them, so that indenting hides nothing."""
    return "\n".join(filter(None, (line.strip() for line in text.splitlines())))


def _published(folder):
    """The files that an earlier call wrote into the folder.

    Raises CourseError if the folder has files, but not from an earlier call.
    """
    if not folder.exists():
        return set()
    try:
        names = set(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
        # Whoever can push to the copy can write this list. Nothing outside of the copy is deleted.
        return {name for name in names if (folder / name).resolve().is_relative_to(folder)}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{folder / MANIFEST} cannot be read: {error}") from None
    others = sorted(path.name for path in folder.iterdir() if path.name != ".git")
    if others:
        raise CourseError(
            f"{folder} is not empty, and not a students' copy: it holds {', '.join(others[:4])}. "
            "Name an empty folder, a new one, or a new clone of an empty repository."
        )
    return set()


def _write(folder, copy, before):
    for name in sorted(set(copy) - before):
        if (folder / name).exists():
            raise CourseError(
                f"{folder / name} is not from `course publish`. Move it away, or rename it."
            )

    def manifest(names):
        text = json.dumps({"files": sorted(names)}, indent=1)
        write_atomically(folder / MANIFEST, f"{text}\n".encode())

    folder.mkdir(parents=True, exist_ok=True)
    manifest(before | set(copy))  # first, so that the run after an interrupted one may go on
    for name, content in copy.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    for name in sorted(before - set(copy)):
        (folder / name).unlink(missing_ok=True)
    manifest(copy)
