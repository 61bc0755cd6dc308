"""Tables of an instructor's own, in files of a folder tables/, imported as a package `tables`.

    from tables.mobilenet import MOBILENET

`course.setup()` finds tables/mobilenet.py in the nearest folder at or above the working directory
that has it. A released notebook brings the texts of its files along, in a cell that calls
`course.tables`, so it needs no folder. The grader uses the texts in the release's own cell only.
"""

import os
import sys
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.util import decode_source, spec_from_loader
from pathlib import Path

from course.language import _

PACKAGE = "tables"


def tables(**texts: str) -> None:
    """Make these texts importable as modules of the package `tables`: {name: text of its file}."""
    _NOTEBOOK.texts = texts
    _NOTEBOOK.come_first()


def look_in(folder):
    """Make tables/*.py in folders at or above this one importable. A text goes before a file."""
    _NOTEBOOK.folder = folder
    _NOTEBOOK.come_first()


@contextmanager
def given(texts):
    """Within this, exactly the tables {name: text} can be imported; afterwards, those of before.

    Each call imports its modules anew, so that two assignments' tables never mix.
    """
    finder, before = _Finder(texts, alone=True), _taken_out()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _taken_out()
        sys.modules.update(before)


def file_of(name, folder):
    """The path of tables/<name>.py in the nearest folder at or above one, or None."""
    paths = (each / PACKAGE / f"{name}.py" for each in _upwards(folder))
    return next((path for path in paths if os.path.isfile(path)), None)


def text_of(path):
    """The text of a Python file, in whatever encoding it declares."""
    return decode_source(path.read_bytes())


def _upwards(folder):
    folder = Path(os.path.abspath(folder))
    return folder, *folder.parents


class _Finder(MetaPathFinder, InspectLoader):
    """Finds modules of the package `tables`: texts first, then files at or above a folder.

    With `alone`, no other package of this name is found, such as the library PyTables.
    """

    def __init__(self, texts=(), alone=False):
        self.texts, self.folder, self._alone = dict(texts), None, alone

    def come_first(self):
        """Answer before all other finders, and have tables that were imported before read anew."""
        if self._has_any():
            _taken_out()
        sys.meta_path[:] = [self, *(other for other in sys.meta_path if other is not self)]

    def find_spec(self, name, path=None, target=None):
        """A module's spec; None if the module is no table."""
        package, _dot, module = name.partition(".")
        if package != PACKAGE or not (self._alone or self._has_any()):
            return None
        if module and self._found(module) is None:
            said = (
                _(
                    "There is no table {name} in this notebook, and no file tables/{name}.py at or "
                    "above {folder}. If a cell below the notebook's first cell holds the tables, "
                    "run that cell."
                )
                if self.folder
                else _(
                    "There is no table {name} in this notebook. If a cell below the "
                    "notebook's first cell holds the tables, run that cell."
                )
            )
            raise ModuleNotFoundError(said.format(name=module, folder=self.folder), name=name)
        return spec_from_loader(name, self, is_package=not module)

    def get_source(self, fullname):
        """The text of a module."""
        module = fullname.partition(".")[2]
        return self._found(module)[0] if module else ""

    def get_code(self, fullname):
        """The compiled text of a module."""
        module = fullname.partition(".")[2]
        text, file = self._found(module) if module else ("", f"<{PACKAGE}>")
        return self.source_to_code(text, str(file))

    def _found(self, module):
        """(the text of a module, its file or a name like one), or None."""
        if module in self.texts:
            return self.texts[module], f"{PACKAGE}/{module}.py"
        file = self.folder and file_of(module, self.folder)
        return (text_of(file), file) if file else None

    def _has_any(self):
        folders = _upwards(self.folder) if self.folder else ()
        return bool(self.texts) or any(any((f / PACKAGE).glob("*.py")) for f in folders)


def _taken_out():
    """Take the package `tables` out of the imported modules. Returns {name: module}."""
    names = [name for name in sys.modules if name.partition(".")[0] == PACKAGE]
    return {name: sys.modules.pop(name) for name in names}


_NOTEBOOK = _Finder()
