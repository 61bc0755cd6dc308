"""Tables of an instructor's own in a notebook: which text is imported, and what is said if none."""

import re
import sys
import traceback
from importlib import import_module

import pytest

from course.kit import tables as own


@pytest.fixture(autouse=True)
def notebook(monkeypatch):
    """A notebook's own finder, and afterwards what was imported before."""
    monkeypatch.setattr(own, "_NOTEBOOK", own._Finder())
    others = [each for each in sys.meta_path if not isinstance(each, own._Finder)]
    monkeypatch.setattr(sys, "meta_path", others)
    before = own._taken_out()
    yield
    own._taken_out()
    sys.modules.update(before)


@pytest.fixture
def folder(tmp_path):
    """A course folder with tables/a.py, and in it the folder of a notebook with tables/b.py."""
    for place, name in ((tmp_path, "a"), (tmp_path / "inside", "b")):
        (place / "tables").mkdir(parents=True)
        (place / "tables" / f"{name}.py").write_text(f"NAME = {name!r}\n")
    return tmp_path / "inside"


def name_in(module):
    return import_module(f"tables.{module}").NAME


def test_files_in_all_folders_above_and_texts_before_files(folder):
    own.look_in(folder)
    assert (name_in("a"), name_in("b")) == ("a", "b")
    own.tables(b="from .a import NAME\nNAME *= 2\n")
    assert name_in("b") == "aa"
    own.look_in(folder)  # the first cell is run again
    assert name_in("b") == "aa"


def test_a_changed_file_counts_when_the_first_cell_is_run_again(folder):
    own.look_in(folder)
    assert name_in("b") == "b"
    (folder / "tables" / "b.py").write_text("NAME = 'changed'\n")
    own.look_in(folder)
    assert name_in("b") == "changed"


def test_what_is_said_of_a_table_that_is_not_there(folder):
    own.look_in(folder)
    said = f"There is no table c in this notebook, and no file tables/c.py at or above {folder}."
    with pytest.raises(ModuleNotFoundError, match=re.escape(said)):
        name_in("c")


def test_an_error_in_a_table_shows_its_line():
    own.tables(broken="one = 1\nNAME = one / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        name_in("broken")
    assert "NAME = one / 0" in "".join(traceback.format_exception(caught.value))


def test_another_library_of_the_name_is_there_where_no_table_is(tmp_path, monkeypatch):
    (tmp_path / "tables.py").write_text("VERSION = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    own.look_in(tmp_path)
    import tables as library

    assert library.VERSION == 3
    own.look_in(tmp_path)
    assert sys.modules["tables"] is library
    with own.given({}), pytest.raises(ModuleNotFoundError):  # as in the grader
        import tables.a
    assert sys.modules["tables"] is library
