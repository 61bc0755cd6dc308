"""Everything that `course.architectures` publishes."""

from importlib import import_module
from pkgutil import iter_modules

from course import architectures
from course.architectures import Table


def every_table():
    """{NAME: table} of all modules."""
    modules = [
        import_module(f"course.architectures.{m.name}")
        for m in iter_modules(architectures.__path__)
        if m.name != "ilsvrc"  # which publishes none
    ]
    return {n: t for m in modules for n, t in vars(m).items() if isinstance(t, Table)}
