"""Convolutional networks built by hand: the helper package of the course.

Importing it costs next to nothing; TensorFlow, Keras and matplotlib are imported where they are
used.

    import course
    course.setup()              # versions, device, data folder

    from course import check    # is it right, and if not, what is wrong?
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("convnet-course")
except PackageNotFoundError:  # used from a folder, not installed
    __version__ = "0+folder"

_MODULES = (
    "anatomy", "architectures", "arithmetic", "check", "data", "diagnosis", "figures", "training",
)  # fmt: skip

__all__ = [*_MODULES, "setup"]


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"course.{name}")
    if name == "setup":
        return import_module("course.session").setup
    raise AttributeError(f"module 'course' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
