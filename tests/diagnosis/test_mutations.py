"""One mistake in one row of every published network: always rejected, and named."""

import random
from dataclasses import replace
from functools import cache, partial
from operator import attrgetter

import pytest

from course.architectures import sources
from course.diagnosis import Cause, diagnose
from course.grading.tables.mistakes import explicit, mutations, nameless
from tests.golden import Corpus
from tests.published import every_table

CASES = 60  # of each network; `python -m tests.diagnosis.test_mutations` tries them all


@cache
def sampled(name):
    cases = list(mutations(explicit(every_table()[name])))
    return random.Random(name).sample(cases, CASES) if len(cases) > CASES else cases


def called(name, row, cause, mutated):
    """The name of a case: no two of a table are called the same."""
    rows = {row.name: row for row in mutated.rows}
    reads = f" from {', '.join(sources(rows[row]))}" if cause == "WRONG_INPUT" else ""
    return f"{name}, {row} {cause}{reads}"


def networks():
    """{name: (builder, table)} of the cases that are tried here."""
    return {
        called(name, *case): (partial(nameless, case[-1]), table)
        for name, table in every_table().items()
        for case in sampled(name)
    }


NETWORKS = Corpus("mutations", networks)


def equal_neighbours(table, name):
    """The row and those right before and behind it that do the same: any of them may be missing."""
    rows = {row.name: row for row in table.rows}
    kind = attrgetter("step", "filters", "kernel", "stride", "activation", "norm")
    found, above = {name}, rows[name]
    while len(sources(above)) == 1 and sources(above)[0] in rows:
        above = rows[sources(above)[0]]
        if kind(above) != kind(rows[name]):
            break
        found.add(above.name)
    below = [row for row in table.rows if sources(row) == (name,)]
    while len(below) == 1 and kind(below[0]) == kind(rows[name]):
        found.add(below[0].name)
        below = [row for row in table.rows if sources(row) == (below[0].name,)]
    return found


def missed(name, table, cases, diagnosed):
    """Sentences about the cases that get another row or cause. Asserts that all are rejected."""
    said = []
    joined = {row.name for row in table.rows if row.step == "concatenate"}  # named by their readers
    for row, cause, mutated in cases:
        try:
            findings = diagnosed(row, cause, mutated)
        except ValueError:  # a window that is larger than its map: Keras would not build it
            continue
        assert findings, f"{name} with {cause} at {row} is accepted"
        first = findings[0]
        right = {row, f"{row}_bn"}  # the normalisation of a row carries its activation
        right |= {reader.name for reader in mutated.rows if row in joined & {*sources(reader)}}
        if cause == "MISSING":
            right |= equal_neighbours(explicit(table), row)
        named = first.row in right or first.cause is Cause.EXTRA  # named as the model names it
        if not (named and first.cause.name == cause):
            said.append(f"{name}: {cause} at {row} is said to be: {first.message}")
    return said


@pytest.mark.parametrize("name", every_table())
def test_one_mistake_is_found_and_named(name):
    cases = sampled(name)
    said = missed(name, every_table()[name], cases, lambda *c: NETWORKS.findings(called(name, *c)))
    assert len(said) <= 0.05 * len(cases), "\n".join(said)


def test_what_is_said_is_as_kept():
    NETWORKS.compare()


def test_no_row_is_said_to_read_something_else_where_it_reads_what_it_should():
    """The padding of the first row is wrong, and one thing behind it."""
    table = every_table()["VGG11"]
    first, *rest = explicit(table).rows
    padded = replace(table, rows=(replace(first, padding=3), *rest))
    for _, _, mutated in mutations(explicit(padded)):
        try:
            found = nameless(mutated)
        except ValueError:
            continue
        for said in diagnose(found, table):
            assert said.cause is not Cause.WRONG_INPUT or said.expected != said.received, said


if __name__ == "__main__":
    total, wrong = 0, []
    for name, table in every_table().items():
        cases = list(mutations(explicit(table)))
        wrong += missed(name, table, cases, lambda *c, t=table: diagnose(nameless(c[-1]), t))
        total += len(cases)
        print(f"{name}: {len(cases)}", flush=True)
    print(
        *wrong, f"{total} mistakes, all rejected; row and cause of {len(wrong)} not right", sep="\n"
    )
