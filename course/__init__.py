"""Convolutional networks built by hand: the helper package of the course.

Importing it costs next to nothing; TensorFlow, Keras and matplotlib are imported where they are
used.

    import course
    course.setup()              # versions, device, data folder

    from course import check
"""

from importlib import import_module

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

_FUNCTIONS = {"setup": "kit.session", "tables": "kit.tables"}

__all__ = [*_MODULES, *_FUNCTIONS]


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
