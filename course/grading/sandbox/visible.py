"""What student code sees of this machine, behind walls of any kind: Python, and no more."""

import sys
from pathlib import Path

import course
from course.grading import HIDDEN
from course.grading.sandbox.usage import PRIVATE


def python_folders():
    """The folders of the Python environment and of this package, which student code may read."""
    package = str(Path(course.__file__).parent)
    found = []
    for folder in dict.fromkeys([sys.base_prefix, sys.prefix, package]):
        if not any(Path(folder).is_relative_to(other) for other in ["/usr", *found]):
            found.append(folder)
    return found


def to_read():
    """{"python": folders that student code may read, "hidden": folders in them that it may not}."""
    grading = Path(course.__file__).parent / "grading"
    return {"python": python_folders(), "hidden": [str(grading / room) for room in HIDDEN]}


def environment(backend, folder=None):
    """All environment variables of student code; none comes from the grader's own.

    `backend` is what Keras computes on. `folder` is the box's own; None with bubblewrap, where
    every submission's home has the same path.
    """
    home = PRIVATE if folder is None else str(folder / "home")
    package = Path(course.__file__).parent
    # If the package is not installed, tell Python its folder; the rest of that folder is hidden.
    found = {} if package.is_relative_to(sys.prefix) else {"PYTHONPATH": str(package.parent)}
    return found | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "MPLCONFIGDIR": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        # Each core grades a submission of its own, so more threads would only compete.
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "NPROC": "1",  # JAX's threads
        "JAX_PLATFORMS": "cpu",
        # JAX compiles each operation for each shape, and most are called once.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def open_to_all(path):
    """Whether any user may enter a folder."""
    folders = [Path(path), *Path(path).parents]
    return all(folder.stat().st_mode & 0o001 for folder in folders)
