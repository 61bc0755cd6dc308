"""The course as another machine installs it: a wheel, and the versions that grade here."""

import base64
import hashlib
import importlib.metadata
import re
from pathlib import Path

import course
from course.grading import HIDDEN, CourseError
from course.grading.folder import zipped
from course.grading.sandbox import outside

PACKAGE, PACKAGES = "convnet-course", ("course", "convnet_course")
EXTRAS = "grading-lite"  # what `course judge` needs
_ABOUT = "METADATA", "entry_points.txt"
_WHEEL = "Wheel-Version: 1.0\nGenerator: course\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def constraints():
    """The versions of all packages in this environment, as a constraints file of pip."""
    found = {}
    for each in importlib.metadata.distributions():
        name = each.metadata["Name"]
        if name and name != PACKAGE:
            found.setdefault(re.sub("[-_.]+", "-", name).lower(), each.version)  # the first is used
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found)).encode()


def lean(job):
    """(the Job for another machine, the extras to install there).

    JAX takes less memory than TensorFlow and is installed faster, so it is used unless a setting
    says otherwise.
    """
    backend = job.config.get("Judge", {}).get("backend", outside.JAX)
    extras = EXTRAS if backend == outside.JAX else f"{EXTRAS},{backend}"
    return job.with_judge(backend=backend), extras


def wheel():
    """(file name, bytes) of a wheel with the package that runs here, installed or editable.

    What no student should read is left out: the demo, whose class answers an exercise like one of
    02-lenet's, and what builds tables.

    Raises CourseError if it is not installed, or was installed long ago.
    """
    # A build leaves another description beside the sources, which has not all of it.
    known = importlib.metadata.distributions(name=PACKAGE)
    about = next((each for each in known if each.read_text("METADATA")), None)
    if about is None:
        raise CourseError(
            "The course is used from a folder and not installed, so nothing says which packages "
            "it needs. Install it: pip install --editable ."
        )
    if EXTRAS not in about.metadata.get_all("Provides-Extra", []):
        raise CourseError(
            f"The course was installed when it had no extra `{EXTRAS}` yet, so nothing says which "
            "packages another machine needs. Install it again: pip install --editable ."
        )
    folder = Path(course.__file__).parents[1]
    hidden = {("grading", room) for room in HIDDEN}
    paths = [p for name in PACKAGES for p in sorted((folder / name).rglob("*")) if p.is_file()]
    files = {
        path.as_posix(): (folder / path).read_bytes()
        for path in (path.relative_to(folder) for path in paths)
        if not any(part[0] == "." or part == "__pycache__" for part in path.parts)
        and (path.parts[1:3] not in hidden or path.name == "__init__.py")
    }
    stem = f"{PACKAGE.replace('-', '_')}-{about.version}"
    info = f"{stem}.dist-info"
    for path in about.files:
        if path.parts[0] == info and (path.name in _ABOUT or "licenses" in path.parts):
            files[path.as_posix()] = path.locate().read_bytes()
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    record = [f"{path},sha256={_hash(text)},{len(text)}\n" for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"]).encode()
    return f"{stem}-py3-none-any.whl", zipped(files)


def _hash(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
