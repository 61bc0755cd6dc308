"""Convolutional networks built by hand: the helper package of the course.

Importing it costs next to nothing; TensorFlow, Keras and matplotlib are imported where they are
used.

    import course
    course.setup()              # versions, device, data folder

    from course import check
"""

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `__getattr__` gives
    from course import anatomy as anatomy
    from course import architectures as architectures
    from course import arithmetic as arithmetic
    from course import check as check
    from course import data as data
    from course import diagnosis as diagnosis
    from course import doctor as doctor
    from course import figures as figures
    from course.architectures import ilsvrc as ilsvrc
    from course.check import record
    from course.kit import timing as timing
    from course.kit import training as training
    from course.kit.session import setup as setup
    from course.kit.tables import tables as tables
    from course.kit.variant import variant as variant

    progress = record
    __version__: str

_MODULES = {
    "anatomy": "anatomy",
    "architectures": "architectures",
    "arithmetic": "arithmetic",
    "check": "check",
    "data": "kit.data",
    "diagnosis": "diagnosis",
    "doctor": "doctor",
    "figures": "kit.figures",
    "ilsvrc": "architectures.ilsvrc",
    "progress": "check.record",
    "timing": "kit.timing",
    "training": "kit.training",
}

_FUNCTIONS = {"setup": "kit.session", "tables": "kit.tables", "variant": "kit.variant"}

__all__ = [
    "__version__", "anatomy", "architectures", "arithmetic", "check", "data", "diagnosis", "doctor",
    "figures", "ilsvrc", "progress", "setup", "tables", "timing", "training",
    "variant",
]  # fmt: skip


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"course.{_MODULES[name]}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"course.{_FUNCTIONS[name]}"), name)
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version  # takes 30 ms

        try:
            return version("convnet-course")
        except PackageNotFoundError:  # used from a folder, not installed
            return "0+folder"
    raise AttributeError(f"module 'course' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
