"""`course doctor`: is everything here that the course needs, and if not, how to get it.

Each line says OK, or what is wrong and how to mend it. Lines about things that only instructors
need say so; students can ignore them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from course.kit.quiet import quietly
from course.plain import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable, Iterator


OK, NOTE, BAD = "OK  ", "note", "BAD "
_NEEDED = {"keras": "3.8", "numpy": "1.26", "matplotlib": "3.8", "tensorflow-datasets": "4.9"}
_EXTRAS = (  # (package, what it is for)
    ("scikit-learn", "the built-in digits, which need no download"),
    ("jupyterlab", "JupyterLab; not needed in Colab"),
    ("ipywidgets", "the sliders of the lectures"),
)


@dataclass
class Line:
    """One thing that was looked at."""

    state: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.state}  {self.what}" + (f"\n      {self.mend}" if self.mend else "")


def examine(folder: str = ".", instructor: bool = True) -> Iterator[Line]:
    """Yield a Line for each thing that the course needs, as it is looked at."""
    yield _python()
    for name, least in _NEEDED.items():
        yield _package(name, least)
    yield _backend()
    yield _device()
    for name, what in _EXTRAS:
        if _version(name) is None:
            yield Line(NOTE, f"{name} is not installed: {what}.", f"pip install {name}")
        else:
            yield Line(OK, f"{name} {_version(name)}")
    yield _data()
    yield _disk(folder)
    yield _offline()
    if instructor and find_spec("course.grading"):  # students have a copy without
        yield from _instructor(folder)


def doctor(folder: str = ".", say: Callable[[str], object] = print) -> int:
    """Say every line as it is found. Returns 1 if something is BAD, otherwise 0."""
    lines = []
    for line in examine(folder):
        say(str(line))
        lines.append(line)
    bad = sum(line.state == BAD for line in lines)
    say(f"\n{bad} to mend." if bad else "\nEverything that is needed is here.")
    return 1 if bad else 0


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version):
    return [int(part) for part in version.split(".")[:2] if part.isdigit()]


def _python():
    version = platform.python_version()
    where = f"Python {version} on {platform.system()} {platform.machine()}"
    if tuple(_numbers(version)) < (3, 11):
        return Line(BAD, f"{where}; the course needs 3.11.", "Install a newer Python.")
    return Line(OK, where)


def _package(name, least):
    version = _version(name)
    if version is None:
        return Line(BAD, f"{name} is not installed.", f'pip install "{name}>={least}"')
    if _numbers(version) < _numbers(least):
        mend = f'pip install --upgrade "{name}>={least}"'
        return Line(BAD, f"{name} {version} is older than {least}.", mend)
    return Line(OK, f"{name} {version}")


def _backend():
    from course.kit import session

    try:
        with quietly():
            keras = session._keras()
    except Exception as error:
        return Line(BAD, f"Keras does not start: {one_line(error)}")
    return Line(OK, f"Keras computes on {keras.backend.backend()}")


def _device():
    from course.kit import session

    try:
        with quietly():
            backend = session._keras().backend.backend()
            _, gpus = session._DEVICES.get(backend, session._other)(backend)
    except Exception as error:
        return Line(BAD, f"Its devices cannot be listed: {type(error).__name__}: {one_line(error)}")
    if gpus:
        return Line(OK, f"GPU: {', '.join(gpus)}")
    mend = "All checks run on a CPU. For training on a GPU, Colab has one."
    if shutil.which("nvidia-smi"):
        mend = (
            "There is an NVIDIA driver, but Keras does not see a GPU. "
            'On Linux: pip install "tensorflow[and-cuda]"'
        )
    return Line(NOTE, "no GPU", mend)


def _data():
    from course.kit import data

    folder = Path(data.folder())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if folder.is_dir() and os.access(folder, os.R_OK):
            return Line(NOTE, f"data in {folder} can be read but not written ({error.strerror}).")
        mend = "Set TFDS_DATA_DIR to a folder of yours before you start JupyterLab."
        return Line(BAD, f"the data folder {folder} cannot be used: {error.strerror}.", mend)
    there = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    return Line(OK, f"data in {folder} ({', '.join(there) if there else 'nothing there yet'})")


def _disk(folder):
    free = shutil.disk_usage(folder).free / 1e9
    if free < 1:
        mend = "CIFAR-10 and its download take half a gigabyte; make room first."
        return Line(BAD, f"{free:.1f} GB free on this disk", mend)
    return Line(OK, f"{free:.0f} GB free on this disk")


def _offline():
    from course.kit import data

    try:
        data.history("02-lenet")
    except Exception as error:
        return Line(
            BAD,
            f"the stored training curves cannot be read: {one_line(error)}",
            "Install the course again.",
        )
    return Line(OK, "stored training curves")


def _instructor(folder):
    if _version("nbgrader") is None:
        mend = 'pip install "convnet-course[grading]"'
        yield Line(NOTE, "nbgrader is not installed: needed for grading only.", mend)
        return
    yield Line(OK, f"nbgrader {_version('nbgrader')} (for grading)")
    from course.grading import CourseError
    from course.grading.folder import CourseFolder

    try:
        found = CourseFolder(folder)
        yield Line(OK, f"course folder {found.root}, {len(found.assignments())} assignments")
    except CourseError as error:
        yield Line(NOTE, str(error))
    yield _sandbox()


def _sandbox():
    """The box, tried by starting it and asking it for a kernel."""
    if platform.system() != "Linux":
        mend = (
            "Grade on Linux: WSL 2 on Windows, a virtual machine on macOS, or a container that "
            "is deleted afterwards (course grade --throw-away-container)."
        )
        return Line(NOTE, f"grading has no sandbox on {platform.system()}.", mend)
    from course.grading.sandbox import outside

    try:
        with outside.Box() as box:
            assert box.address
    except Exception as error:
        mend = "\n      ".join(map(str.strip, str(error).splitlines()))
        return Line(BAD, "student code does not run in its sandbox here (for grading).", mend)
    return Line(OK, "bubblewrap contains student code (for grading)")
