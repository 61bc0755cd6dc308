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

from course.kit.machine import keras3, machine
from course.kit.quiet import quietly
from course.language import N_, _, speaking
from course.plain import one_line
from course.setup_cell import language_of_assignments
from course.show import width

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterator


OK, NOTE, BAD = "OK", N_("note"), N_("BAD")
_NEEDED = {"keras": "3.8", "numpy": "1.26", "matplotlib": "3.8", "tensorflow-datasets": "4.9"}
_EXTRAS = (  # (package, what it is for)
    ("scikit-learn", N_("the built-in digits, which need no download")),
    ("jupyterlab", N_("JupyterLab; not needed in Colab")),
    ("ipywidgets", N_("the sliders of the lectures")),
)


@dataclass
class Line:
    """One thing that was looked at."""

    state: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        state = _(self.state) + " " * (4 - width(_(self.state)))
        return f"{state}  {self.what}" + (f"\n      {self.mend}" if self.mend else "")


def examine(folder: str) -> Iterator[Line]:
    """Yield a Line for each thing that the course needs, as it is looked at."""
    yield _python()
    for name, least in _NEEDED.items():
        yield _package(name, least)
    yield _backend()
    yield _device()
    for name, what in _EXTRAS:
        if _version(name) is None:
            said = _("{name} is not installed: {use}.").format(name=name, use=_(what))
            yield Line(NOTE, said, f"pip install {name}")
        else:
            yield Line(OK, f"{name} {_version(name)}")
    yield _data()
    yield _disk(folder)
    yield _offline()
    if find_spec("course.grading"):  # students have a copy without
        yield from _instructor(folder)


def doctor(folder: str = ".") -> int:
    """Print every line as it is found. Returns 1 if something is BAD, otherwise 0."""
    bad = 0
    with speaking(language_of_assignments(os.path.join(folder, "assignments"))):
        for line in examine(folder):
            print(line)
            bad += line.state == BAD
        said = _("{count} to mend.") if bad else _("Everything that is needed is here.")
        print("\n" + said.format(count=bad))
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
    system = f"{platform.system()} {platform.machine()}"
    if tuple(_numbers(version)) < (3, 11):
        said = _("Python {version} on {system}; the course needs 3.11 or newer.")
        return Line(BAD, said.format(version=version, system=system), _("Install a newer Python."))
    return Line(OK, _("Python {version} on {system}").format(version=version, system=system))


def _package(name, least):
    version = _version(name)
    if version is None:
        return Line(
            BAD, _("{name} is not installed.").format(name=name), f'pip install "{name}>={least}"'
        )
    if _numbers(version) < _numbers(least):
        mend = f'pip install --upgrade "{name}>={least}"'
        said = _("{name} {version} is older than {least}.")
        return Line(BAD, said.format(name=name, version=version, least=least), mend)
    return Line(OK, f"{name} {version}")


def _backend():
    try:
        with quietly():
            keras = keras3()
    except Exception as error:
        return Line(BAD, _("Keras does not start: {error}").format(error=one_line(error)))
    return Line(OK, _("Keras computes on {backend}").format(backend=keras.backend.backend()))


def _device():
    try:
        with quietly():
            _name, _number, gpus = machine()
    except Exception as error:
        why = f"{type(error).__name__}: {one_line(error)}"
        return Line(BAD, _("Its devices cannot be listed: {error}").format(error=why))
    if gpus:
        return Line(OK, f"GPU: {', '.join(gpus)}")
    mend = _("All checks run on a CPU. For training on a GPU, Colab has one.")
    if shutil.which("nvidia-smi"):
        mend = _("There is an NVIDIA driver, but Keras does not see a GPU. On Linux: {command}")
        mend = mend.format(command='pip install "tensorflow[and-cuda]"')
    return Line(NOTE, _("no GPU"), mend)


def _data():
    from course.kit import data

    folder = Path(data.folder())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if folder.is_dir() and os.access(folder, os.R_OK):
            said = _("data in {folder} can be read but not written ({error}).")
            return Line(NOTE, said.format(folder=folder, error=error.strerror))
        said = _("the data folder {folder} cannot be used: {error}.")
        mend = _("Set TFDS_DATA_DIR to a folder of yours before you start JupyterLab.")
        return Line(BAD, said.format(folder=folder, error=error.strerror), mend)
    there = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    names = ", ".join(there) or _("nothing there yet")
    return Line(OK, _("data in {folder} ({names})").format(folder=folder, names=names))


def _disk(folder):
    free, said = shutil.disk_usage(folder).free / 1e9, _("{size} GB free on this disk")
    if free < 1:
        mend = _("CIFAR-10 and its download take half a gigabyte; make room first.")
        return Line(BAD, said.format(size=f"{free:.1f}"), mend)
    return Line(OK, said.format(size=f"{free:.0f}"))


def _offline():
    from course.kit import data

    try:
        data.history("02-lenet")
    except Exception as error:
        return Line(
            BAD,
            _("the stored training curves cannot be read: {error}").format(error=one_line(error)),
            _("Install the course again."),
        )
    return Line(OK, _("stored training curves"))


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
