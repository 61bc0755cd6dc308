"""`course` under the name of its distribution, for code that lives beside other people's packages.

    from convnet_course import check
    from convnet_course.architectures.lenet import LENET5

`convnet_course.x` is the module `course.x` itself and no copy, so a table made under one name is a
table under the other. The modules call each other `course`: notebooks do so, and what was handed
in long ago should still be graded. Therefore this is a second name, and not a new one.

Raises ImportError if `course` is another module here.
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.util import find_spec, spec_from_loader
from pathlib import Path


class _Alias(MetaPathFinder, Loader):
    """Finds `convnet_course.x`, and puts `course.x` in its place."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(f"{__name__}."):
            return None
        real = find_spec(f"course.{name.removeprefix(f'{__name__}.')}")
        if real is None:
            return None
        return spec_from_loader(name, self, is_package=real.submodule_search_locations is not None)

    def exec_module(self, module):
        name = module.__name__
        sys.modules[name] = import_module(f"course.{name.removeprefix(f'{__name__}.')}")


def _ours():
    """The package `course` that was installed together with this module."""
    found, beside = find_spec("course"), Path(__file__).parents[1] / "course" / "__init__.py"
    place = found and (found.origin or next(iter(found.submodule_search_locations)))
    if place is None or Path(place).resolve() != beside.resolve():
        raise ImportError(
            "convnet_course needs the package `course` that is installed with it. Here `course` is "
            f"another module: {place}. Likely cause: a file or a folder of that name lies beside "
            "your program or notebook. Rename it, and start Python again."
        )
    return import_module("course")


sys.modules[__name__] = _ours()
sys.meta_path.insert(0, _Alias())  # before Python's own, which would load each file a second time
