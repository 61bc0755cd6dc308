"""docs/coverage.md names exercises that are there, and leaves none out."""

import re

import nbformat
import pytest

from tests.classroom import ROOT, SOURCES

PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")


def practised(cell):
    """The exercises that a cell of a table names: "01: 5 and 6 (by hand); 02: 3" -> 01:5, …"""
    plain = re.sub(r"\([^)]*\)|\*[^*]*\*", "", cell)
    for part in plain.split(";"):
        if found := re.match(r"\s*(\d\d): (.+)", part):
            for first, last in re.findall(r"(\d+)(?: to (\d+))?", found[2]):
                for number in range(int(first), int(last or first) + 1):
                    yield found[1], number


NAMED = [
    exercise
    for line in PAGE.splitlines()
    if line.startswith("|")
    for exercise in practised(line.strip("|").split("|")[-1])
]


def exercises(path):
    """{number: whether it has points} of an assignment, from its headings."""
    cells = nbformat.read(path, 4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (\d+) · .*?(\(\d+ points\))?$", prose, re.MULTILINE)
    return {int(number): bool(points) for number, points in headings}


THERE = {path.parent.name[:2]: exercises(path) for path in SOURCES}


def test_how_the_page_is_read():
    cell = (
        "01: 5 and 6 (numbers, designed), 9; 02: 1 to 3, 7; lectures 01, *The 4 scanners*, and 02"
    )
    numbers = [("01", 5), ("01", 6), ("01", 9), ("02", 1), ("02", 2), ("02", 3), ("02", 7)]
    assert list(practised(cell)) == numbers


def test_every_exercise_that_the_page_names_is_there():
    assert len(NAMED) > 120
    assert [(of, number) for of, number in NAMED if number not in THERE[of]] == []


@pytest.mark.parametrize("of", THERE)
def test_every_exercise_is_credited_on_the_page(of):
    assert THERE[of]
    assert {number for number, points in THERE[of].items() if points} <= {
        number for where, number in NAMED if where == of
    }
