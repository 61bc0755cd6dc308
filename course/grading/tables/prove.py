"""A table of an instructor's own, proved: its rows and sizes, Keras's counts, mistakes found."""

import random
from collections import Counter
from dataclasses import replace
from math import prod

from course.anatomy import anatomy
from course.architectures import Row, sources
from course.diagnosis import diagnose
from course.evidence.observe import weightless
from course.grading.tables.keras_model import model_of
from course.grading.tables.mistakes import explicit, mutations, nameless
from course.network.from_table import ROWS
from course.network.words import shape_of
from course.plain import one_line

MOST = 500  # mistakes that are tried


def proofs(table, model=None):
    """Yield (whether it holds, a sentence) for each proof of a Table.

    `model` is a function that makes the instructor's own Keras model of it.
    """
    if not table.source.strip():
        yield (
            False,
            "It has no source. Write where it was published: authors, year, table or figure.",
        )
    if problems := list(_problems(table)) or list(_impossible(table)):
        yield from ((False, problem) for problem in problems)
        return
    found = anatomy(table)
    size = shape_of(table.input_shape)
    ends = " and ".join(map(shape_of, found.output_shapes))
    counted = f"{found.parameters:,} parameters ({found.trained:,} trained)"
    yield True, f"{len(table.rows)} rows; {size} becomes {ends}; {counted}, {found.macs:,} MACs"
    yield from _by_keras(table, found)
    if model:
        with weightless():
            yield from _checked("your model", diagnose(model(), table))
    yield from _mistakes(table)


def _problems(table):
    """Sentences about rows that make no table."""
    shape = table.input_shape
    if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        yield f"input_shape should be (height, width, channels). It is {one_line(repr(shape))}."
        return
    if (
        not isinstance(table.rows, tuple | list)
        or not table.rows
        or not all(isinstance(row, Row) for row in table.rows)
    ):
        yield "rows should be a tuple of rows, made by the functions of course.architectures."
        return
    above, read = ["input"], set(table.outputs or [table.rows[-1].name])
    for number, row in enumerate(table.rows):
        if row.step not in ROWS:
            yield f"{row.name}: there is no step {row.step!r}. There are: {', '.join(ROWS)}."
        for source in sources(row):
            if source not in above:
                later = any(other.name == source for other in table.rows[number:])
                why = "which stands below it" if later else "and there is no row of that name"
                yield f"{row.name} reads {source}, {why}."
        read |= {*(sources(row) or above[-1:])}
        above.append(row.name)
    for name, count in Counter(above).items():
        if count > 1:
            yield f"{name} is the name of several rows."
        if name not in {*read, "input"}:
            yield f"No row reads {name}, and it is no output."
    yield from (f"There is no row {name} to return." for name in table.outputs if name not in above)


def _impossible(table):
    """A sentence about the first row whose size cannot be worked out, or is less than 1."""
    try:
        found = anatomy(table)
        small = next((s.name for s in found if min(*s.grid, s.filters) < 1), None)
        if small:
            yield f"{small}: its output is {shape_of(found[small].shape)}."
    except Exception as error:  # of any row's own reader
        yield f"{_first_wrong(table)}: {one_line(str(error))}"


def _first_wrong(table):
    """The name of the first row with which a table cannot be read."""
    for number, row in enumerate(table.rows, 1):
        try:
            anatomy(replace(table, rows=table.rows[:number], outputs=()))
        except Exception:
            return row.name
    return table.rows[-1].name


def _by_keras(table, found):
    """Keras's counts of a model that is built from the rows, and what a check says about it."""
    with weightless():
        try:
            model = model_of(table)
        except Exception as error:
            yield False, f"Keras cannot build these rows: {one_line(f'{error}', 300)}"
            return
        counts = model.count_params(), sum(prod(w.shape) for w in model.trainable_weights)
        ends = [tuple(each.shape[1:]) for each in model.outputs]
        findings = diagnose(model, table)
    ours = (found.parameters, found.trained), found.output_shapes
    said = (
        f"{counts[0]:,} parameters ({counts[1]:,} trained), and {' and '.join(map(shape_of, ends))}"
    )
    same = (counts, ends) == ours
    yield same, "Keras counts the same" if same else f"Keras counts {said} instead"
    yield from _checked("a Keras model of these rows", findings)


def _checked(what, findings):
    yield not findings, f"{what} {'passes' if not findings else 'does not pass'} the check"
    yield from ((False, found.message) for found in findings)


def _mistakes(table):
    """Whether a check finds each single mistake in a network."""
    cases = list(mutations(explicit(table)))
    total = len(cases)
    if total > MOST:
        cases = random.Random(table.name).sample(cases, MOST)
    accepted, named, tried = [], 0, 0
    for row, cause, mutated in cases:
        try:
            network = nameless(mutated)
        except ValueError:  # Keras would not build it either
            continue
        tried += 1
        findings = diagnose(network, table)
        if not findings:
            accepted.append(f"{cause.replace('_', ' ').lower()} at {row}")
            continue
        named += findings[0].cause.name == cause and findings[0].row in (row, f"{row}_bn")
    of = f"{tried} of {total:,}" if total > MOST else f"{tried}"
    if accepted:
        yield (
            False,
            f"single mistakes tried: {of}; accepted: {len(accepted)} ({', '.join(accepted[:5])})",
        )
    else:
        said = f"all are found, {named} with their row and cause"
        yield True, f"single mistakes tried: {of}; {said}"
