"""Checks for notebooks: is the answer right, and if not, what is wrong with it?

    check.model(lenet5, like=LENET5)                # a builder against a published table
    check.model(lenet5, classes=17, like=LENET5)    # the same for other arguments
    check.block(subsample, like=..., name="S2")     # a function from tensor to tensor
    check.shapes(shapes, like=LENET5)               # hand counts against the same table
    check.parameters(parameters, like=LENET5)
    check.value(share, 95.8, tolerance=0.05)
    check.function(area, [2, 3], [4, 4], gives=[6, 16])
    check.progress({"lenet-shapes": 8, ...})        # points so far, and what is open

Each shows a card and returns None if the answer is right; otherwise it raises `CheckFailed`, whose
text is the card. `course.evidence` observes; here and in `course.diagnosis` it is judged, and
nothing but the evidence is believed.
"""

import os
from contextlib import contextmanager
from dataclasses import replace
from math import isclose, prod

from course.anatomy import anatomy
from course.check.card import Card
from course.check.record import progress
from course.diagnosis import Cause, diagnose, finding
from course.evidence import probes, values
from course.evidence.observe import observe
from course.network.graph import TooLarge
from course.plain import one_line

__all__ = [
    "CheckFailed", "block", "function", "model", "parameters", "progress", "shapes", "value",
]  # fmt: skip


_LARGEST = 100_000  # of any size, stride, or number of maps or units; ImageNet-22K has 21,841
# Counts and shapes are Keras's words; a flattened map may well have millions of values.
_SHOWN = {"parameters", "trained", "shapes", "target_shape", "newshape"}
_LARGEST_SHOWN = 10**12
_LONGEST = 1000


class CheckFailed(AssertionError):
    """An answer is wrong. `findings` says what: `course.findings.Finding`s, the first row first."""

    def __init__(self, card, shown=False):
        super().__init__(str(card))
        self.card, self.findings = card, card.findings
        self.shown = shown

    def _render_traceback_(self):
        # IPython calls this: a traceback through this package would only hide the reason. Where
        # the reader has the card it says everything; nbgrader's Validate shows errors only.
        if self.shown and "NBGRADER_EXECUTION" not in os.environ:
            return ["CheckFailed: the card above says why."]
        return [f"CheckFailed: {self.findings[0].message}"]


def model(builder, /, *args, like, **kwargs):
    """Check what a builder makes against a table.

    `like` is a `Table`, or a list of tables of which one has to fit; `classes` and `input_shape`
    among the keyword arguments are handed to the builder and to the table, everything else to the
    builder only. The model is built without weights: VGG-16 takes hundredths of a second.

    Raises CheckFailed with the first row that differs.
    """
    changes = {k: v for k, v in kwargs.items() if k in ("classes", "input_shape")}
    tables = [table.with_(**changes) for table in _several(like)]
    _architecture("model", builder, args, kwargs, tables)


def block(function, /, *args, like, **kwargs):
    """Check a function from tensor to tensor against some rows of a table.

    The function gets a symbolic tensor of `like.input_shape` first, then the other arguments.

    Raises CheckFailed with the first row that differs.
    """
    _architecture("block", function, args, kwargs, _several(like))


def _several(like):
    return list(like) if isinstance(like, list | tuple) else [like]


def _architecture(kind, subject, args, kwargs, tables):
    table = tables[0]
    request = {
        "ask": kind,
        "args": values.sendable(list(args)),
        "kwargs": values.sendable(kwargs),
        "input_shape": list(table.input_shape),
        "probe": probes.drawn(),  # afresh, so that no answer can be there beforehand
    }
    reply = _ask(subject, request)
    name = _call_text(_name(subject), args, kwargs)
    if "failed" in reply:
        wanted = "a function that returns its last tensor" if kind == "block" else "a model"
        _report(name, [_failed(reply, wanted)], table)
        return
    try:
        _within_bounds(reply["trace"])
        built = anatomy(reply["trace"], numbers=request["probe"])
        findings = diagnose(built, tables)
        if not findings and len(tables) > 1:
            table = next(each for each in tables if not diagnose(built, each))
    except TooLarge as error:
        _report(name, [finding("", Cause.READ_NO_FURTHER, received=str(error))], table)
        return
    except Exception as error:  # a trace that Keras never made: refused, whatever it is
        _report(name, [finding("", Cause.UNREADABLE, received=_one_line(error))], table)
        return
    if kind == "block" and findings and findings[0].cause is Cause.MISSING:
        findings = [_with_its_end(findings[0], built, table), *findings[1:]]
    _report(name, findings, table, built, "" if findings else _note(built))


def _with_its_end(found, built, table):
    """What a function gives, beside a row that is missing in it: often that is the reason."""
    ends = [[value.shape for value in network.outputs] for network in (built, anatomy(table))]
    if ends[0] == ends[1] or len(ends[0]) != 1:
        return found
    yours, right = (" × ".join(map(str, end[0])) for end in ends)
    text = f"Your function gives {yours}, it should give {right}."
    return replace(found, message=f"{found.message} {text}")


def _note(built):
    """A remark on a right network."""
    without_use = [
        step.inputs[0].sources[0].name
        for step in built
        if step.step == "batch_norm"
        and len(step.inputs[0].sources) == 1
        and step.inputs[0].sources[0].step == "conv"
        and step.inputs[0].sources[0].bias
    ]
    if not without_use:
        return ""
    first, *others = without_use
    more = f" (and {len(others)} more like it)" if others else ""
    return (
        f"{first}{more} has a bias, which the batch normalisation behind it takes out again. That "
        "is accepted. With use_bias=False the layer holds one array of weights instead of two."
    )


def _within_bounds(value):
    """Raise TooLarge for sizes and texts that no network has, before anything is made of them."""
    waiting = [(value, _LARGEST)]
    while waiting:
        item, most = waiting.pop()
        if isinstance(item, dict):
            waiting += [(v, _LARGEST_SHOWN if k in _SHOWN else most) for k, v in item.items()]
        elif isinstance(item, list):
            waiting += [(v, most) for v in item]
        elif isinstance(item, int) and abs(item) > most:
            raise TooLarge(f"A size of this network is more than {most:,}.")
        elif isinstance(item, str) and len(item) > _LONGEST:
            raise TooLarge(f"A name in this network has more than {_LONGEST:,} letters.")


def shapes(answers, /, *, like, rows=None):
    """Check {row: (height, width, channels)} against the shapes that follow from a table.

    `rows` are the names that are asked for; None asks for all. A vector's shape is (units,) or
    just the number of units.
    """
    right = {step.name: step.shape for step in anatomy(like)}
    asked = {name: right[name] for name in rows or right}
    _numbers(answers, asked, like, _explain_shape, "a tuple such as (28, 28, 6)")


def parameters(answers, /, *, like, rows=None):
    """Check {row: trained parameters} against a table; the row "total" is the whole network.

    `rows` are the names that are asked for; None asks for all and for the total.
    """
    network = anatomy(like)
    right = {step.name: step.trained for step in network} | {"total": network.trained}
    asked = {name: right[name] for name in rows or right}
    _numbers(answers, asked, like, _explain_parameters, "a whole number")


def value(answer, expected, /, *, tolerance=0, hint=""):
    """Check a number, or a list or dict of them, against the expected one, with a tolerance.

    `hint` is shown when the answer is wrong.
    """
    reply = _ask(answer, {"ask": "value"})
    name = _name(answer)
    if "failed" in reply:
        _report(name, [_failed(reply, "a number")])
        return
    got, expected = reply["value"], values.exactly(expected)
    empty = isinstance(got, dict) and got and all(item is None for item in got.values())
    if got is None or empty:
        _report(name, [finding("", Cause.NOT_ANSWERED, hint="Fill in the cell above.")])
    elif isinstance(expected, dict) and isinstance(got, dict) and got:
        _report(name, _wrong_items(got, expected, tolerance, hint))
    elif _close(got, expected, tolerance):
        _report(name, [])
    elif odd := values.stand_in(got):
        _report(name, [_no_plain_value("", (_brief(got), odd[1]), "a number")])
    else:
        said = f"You have {_quoted(got)}. {hint}".strip()
        _report(name, [finding(name, Cause.WRONG_VALUE, received=_brief(got), hint=said)])


def _wrong_items(got, expected, tolerance, hint):
    """Findings for the items of a dict; the hint, which is one for all of them, stands once."""
    findings = []
    for key, right in expected.items():
        item = got.get(key)
        if key not in got:
            findings.append(finding(key, Cause.MISSING_KEY, hint=_other_key(got, key)))
        elif item is None:
            findings.append(finding(key, Cause.NOT_ANSWERED))
        elif odd := values.stands_for(item):
            findings.append(_no_plain_value(key, odd, "a number"))
        elif not _close(item, right, tolerance):
            said, hint = f"You have {_quoted(item)}. {hint}".strip(), ""
            findings.append(finding(key, Cause.WRONG_VALUE, received=_brief(item), hint=said))
    return findings


def function(subject, /, *cases, gives=None, like=None, tolerance=1e-5, hint="", symbolic=False):
    """Check a function's answers to some cases.

    A case is the list of arguments of one call. What is right is given either by `gives`, the
    list of answers, one for each case; or by `like`, a reference function, for cases that are
    drawn. `tolerance` is relative to the largest number of the right answer, so that rounding
    does not count. `hint` is shown when an answer is wrong. With `symbolic` the function has to
    take the tensors of a network as well, which have a shape and no values.
    """
    if (gives is None) == (like is None):
        raise TypeError("check.function takes either gives= (answers) or like= (a reference).")
    cases = [list(case) for case in cases]
    rights = [like(*case) for case in cases] if gives is None else list(gives)
    request = {"ask": "call", "cases": values.sendable(cases)}
    if symbolic:
        request["symbolic"] = True
    reply = _ask(subject, request)
    name = _name(subject)
    if "failed" in reply:
        wanted = "a function that returns numbers" if "case" in reply else "a function"
        _report(name, [_failed(reply, wanted, _called(name, cases, reply))])
        return
    answers = reply.get("answers")
    if not isinstance(answers, list) or len(answers) != len(cases):
        _report(name, [finding(name, Cause.NO_ANSWER, received="not as many as questions")])
        return
    for case, got, right in zip(cases, answers, rights, strict=True):
        expected = values.exactly(right)
        call = _call_text(name, case, {})
        if not _close(got, expected, tolerance * max(1.0, _largest(expected))):
            where = _where(got, expected, tolerance * max(1.0, _largest(expected)))
            said = values.kind_of(None) if got is None else _brief(got)
            text = f"{call} gives {said}, it should give {_brief(expected)}. {where} {hint}"
            text = " ".join(text.split())
            _report(name, [finding(name, Cause.WRONG_VALUE, received=said, hint=text)])
            return
    if symbolic and (why := one_line(reply.get("symbolic", "no answer came"))):
        _report(name, [finding(name, Cause.NOT_SYMBOLIC, received=why)])
        return
    _report(name, [])


# --- evidence ----------------------------------------------------------------------------------


def _ask(subject, request):
    """Evidence about a subject: from here, or from where the grader keeps the student's code."""
    remote = values.attribute(type(subject), "__evidence__")
    reply = remote(subject, request) if remote else observe(subject, request)
    # What comes from a student's process may be anything; what is no answer is a failed check.
    wanted = {"value": "value", "call": "answers"}.get(request["ask"], "trace")
    known = isinstance(reply, dict) and (isinstance(reply.get("failed"), str) or wanted in reply)
    if not known:
        return {"failed": "NO_ANSWER", "text": "the reply is malformed"}
    if "value" in reply:
        reply["value"] = values.plain(reply["value"])  # bounded, as `observe` gives it
    if isinstance(reply.get("answers"), list):
        reply["answers"] = list(map(values.plain, reply["answers"]))
    return reply


def told(subject, request, expected):
    """The reply to a request for a value or for the answer of one call.

    `expected` says in words what it should be. Raises CheckFailed if there is no such reply.
    """
    reply = _ask(subject, request)
    name, failed = _name(subject), None
    if "failed" in reply:
        failed = _failed(reply, expected)
    elif request["ask"] == "call" and not (
        isinstance(reply["answers"], list) and len(reply["answers"]) == len(request["cases"])
    ):
        failed = finding(name, Cause.NO_ANSWER, received="not as many as questions")
    if failed is not None:
        raise CheckFailed(Card(name, [failed]))
    return reply


def _called(name, cases, reply):
    """The call that went wrong, in words, if it is known and short enough to be read."""
    number = reply.get("case")
    if type(number) is not int or not 0 <= number < len(cases):
        return ""
    call = _call_text(name, cases[number], {})
    return f"The call was {call}." if len(call) <= 200 else ""


def _failed(reply, expected, hint=""):
    kind = reply["failed"]
    cause = Cause[kind] if kind in Cause.__members__ else Cause.NO_ANSWER
    text = one_line(reply.get("text", ""))
    expected = expected if cause is Cause.WRONG_KIND_OF_VALUE else ""
    if cause is Cause.NOT_ANSWERED:
        hint = "Fill in the cell above and run it."
        if text.isidentifier():
            hint = f"It calls {text}(). Fill that in, and run its cell."
    return finding("", cause, expected, text, hint=hint)


def _no_plain_value(row, stand_in, expected):
    """The finding about a part of an answer that has no plain form."""
    words, cause = stand_in
    cause = Cause[cause] if cause in Cause.__members__ else Cause.WRONG_KIND_OF_VALUE
    return finding(row, cause, expected, words)


# --- hand counts -------------------------------------------------------------------------------


def _numbers(answers, rows, like, explain, kind):
    reply = _ask(answers, {"ask": "value"})
    name = _name(answers)
    if "failed" in reply:
        _report(name, [_failed(reply, "a dict of numbers")])
        return
    got = reply["value"]
    if not isinstance(got, dict) or not got:
        text = f'{{"{next(iter(rows))}": ..., ...}}'
        _report(name, [finding(name, Cause.WRONG_KIND_OF_VALUE, text, _brief(got))])
        return
    if all(value is None for value in got.values()):
        _report(name, [finding("", Cause.NOT_ANSWERED, hint="Fill in the numbers above.")])
        return
    network, findings = anatomy(like), []
    for row, expected in rows.items():
        wanted = list(expected) if isinstance(expected, tuple) else expected
        if row not in got:
            findings.append(finding(row, Cause.MISSING_KEY, hint=_other_key(got, row)))
        elif got[row] is None:
            findings.append(finding(row, Cause.NOT_ANSWERED))
        elif odd := values.stands_for(got[row]):
            findings.append(_no_plain_value(row, odd, kind))
        elif not _close(got[row], wanted, 0) and not _same_vector(got[row], wanted):
            cause, hint = explain(network, row, got[row], wanted, got)
            findings.append(finding(row, cause, kind, _brief(got[row]), hint=hint))
    _report(name, findings)


def _other_key(got, key):
    """A key that looks like the one that is missing, in words."""

    def bare(text):
        return "".join(filter(str.isalnum, text)).casefold()

    alike = next((other for other in got if bare(other) == bare(key)), None)
    return f'You wrote "{_brief(alike)}".' if alike else ""


def _same_vector(got, wanted):
    """A vector's shape may be written 120, (120,) or, as the paper does, 1 × 1 × 120."""
    if not isinstance(wanted, list) or len(wanted) != 1:
        return False
    return _close(got, wanted[0], 0) or _close(got, [1, 1, *wanted], 0)


def _explain_shape(network, row, got, expected, answers):
    step = network[row]
    if not isinstance(got, list | int) or isinstance(got, bool):
        return Cause.WRONG_KIND_OF_VALUE, ""
    got = [got] if isinstance(got, int) else got
    if len(got) == len(expected) + 1 and got[0] is None:
        return Cause.WRONG_VALUE, f"You have {_brief(got)}. Leave out None, which is the batch."
    if len(got) == len(expected) and sorted(map(str, got)) == sorted(map(str, expected)):
        return Cause.CHANNELS_FIRST, ""
    if len(got) == len(expected) == 3 and got[:2] == expected[:2]:
        return Cause.FILTERS_FORGOTTEN, f"You have {_brief(got[2])}."
    source = _before(step)
    if len(expected) == 3:
        if step.step == "concatenate":
            hint = "Side by side, maps keep their height and width, and their numbers add up."
            return Cause.WRONG_VALUE, f"You have {_brief(got)}. {hint}"
        # The reader's own size: the right one may be what another row asks for.
        while source.name not in answers and source.inputs and source.grid == _before(source).grid:
            source = _before(source)  # a row that is not asked for and changes no size
        own = source.grid if source.step == "input" else answers.get(source.name)
        size = own[0] if isinstance(own, list | tuple) and own else "N"
        kernel, stride, padding = step.kernel[0], step.stride[0], step.padding[0][0]
        hint = (
            f"A window of {kernel} slides over {_brief(size)} in steps of {stride}"
            + (f" with {padding} zeros on each side" if padding else " without padding")
            + ": ⌊(N + 2P − F)/stride⌋ + 1."
        )
        return Cause.WRONG_VALUE, f"You have {_brief(got)}. {hint}"
    return Cause.WRONG_VALUE, f"You have {_brief(got)}. The table gives the number of units."


def _before(step):
    return step.inputs[0].parts[0][0]


def _explain_parameters(network, row, got, expected, answers):
    if isinstance(got, bool) or not isinstance(got, int | float):
        return Cause.WRONG_KIND_OF_VALUE, ""
    if row == "total":
        return Cause.WRONG_VALUE, f"You have {_count(got)}. Add up the rows above."
    step = network[row]
    said = f"You have {_count(got)}."
    area = step.kernel[0] * step.kernel[1]
    if not step.fan_in:
        return Cause.WRONG_VALUE, f"{said} What is there to learn in: {step.does()}?"
    if got == step.fan_in:
        return Cause.WITHOUT_BIASES, said
    positions = prod(step.grid)
    if got in (step.macs, step.macs + step.filters, positions * step.parameters):
        return Cause.MACS_FOR_PARAMETERS, said
    if step.connections:
        dense = area * step.channels * step.filters
        if got in (dense, dense + step.filters):
            return Cause.ALL_CONNECTED, said
    if step.step == "conv" and got in (area * step.filters, (area + 1) * step.filters):
        return Cause.WITHOUT_INPUT_CHANNELS, said
    if step.step == "dense":
        source = step.inputs[0]
        hint = f"It sees {' · '.join(map(str, (*source.grid, source.channels)))} values."
        if source.grid == (1, 1):
            hint = f"It sees {source.channels} values."
        return Cause.WRONG_VALUE, f"{said} {hint}"
    hint = f"Weights of one map: {area} for each map that it sees. Then its bias."
    return Cause.WRONG_VALUE, f"{said} {hint}"


def _close(got, expected, tolerance):
    """Whether two nests of lists, dicts and numbers agree; types count, so True is not 1."""
    if isinstance(expected, list):
        same = isinstance(got, list) and len(got) == len(expected)
        return same and all(_close(g, e, tolerance) for g, e in zip(got, expected, strict=True))
    if isinstance(expected, dict):
        same = isinstance(got, dict) and got.keys() == expected.keys()
        return same and all(_close(got[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and got == expected
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    if isinstance(got, int) and isinstance(expected, int):
        return abs(got - expected) <= tolerance  # as floats, 2**53 and 2**53 + 1 would be equal
    return isclose(got, expected, rel_tol=0, abs_tol=tolerance)


def _where(got, expected, tolerance):
    """Where two lists differ that are too long to be compared by eye; "" for others."""
    sizes = [_sizes(value) for value in (got, expected)]
    if all(sizes) and sizes[0] != sizes[1]:
        return "Its size is {}, it should be {}.".format(*(" × ".join(map(str, s)) for s in sizes))
    if len(_brief(expected)) < 80 and _brief(got) != _brief(expected):
        return ""
    place = ""
    while isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        pairs = enumerate(zip(got, expected, strict=True))
        number, (got, expected) = next(p for p in pairs if not _close(*p[1], tolerance))
        place += f"[{number}]"
    if not place:
        return ""
    return f"The first difference is at {place}: {_brief(got)} instead of {_brief(expected)}."


def _sizes(value):
    """How many items a nest of lists has, level by level: [2, 3]; [] for an irregular one."""
    sizes, level = [], [value]
    while any(isinstance(item, list) for item in level):
        lengths = {len(item) if isinstance(item, list) else -1 for item in level}
        if len(lengths) > 1:
            return []
        sizes.append(lengths.pop())
        level = [part for item in level for part in item]
    return sizes


def _largest(value):
    if isinstance(value, list):
        return max(map(_largest, value), default=0.0)
    return abs(value) if isinstance(value, int | float) else 0.0


# --- showing ----------------------------------------------------------------------------------


_silent = False


@contextmanager
def silently():
    """Show no cards: for a grader, who reads `CheckFailed` instead."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def _report(name, findings, table=None, built=None, note=""):
    card = Card(name, findings, table, built, note)
    shown = not _silent and _show(card)
    if findings:
        raise CheckFailed(card, shown)


def _show(card):
    """Show a card in a notebook, and a right one anywhere. Returns whether it was displayed."""
    try:
        from IPython import get_ipython
    except ImportError:
        get_ipython = None
    if get_ipython is not None and get_ipython() is not None:
        from IPython.display import display

        display(card)
        return True
    if card.state == "right":
        print(card)  # a wrong answer's card is the text of the exception
    return False


def _name(subject):
    return values.name_of(subject) or "Your answer"


def _call_text(name, args, kwargs):
    if not args and not kwargs:
        return name
    parts = [_brief(values.sendable(a)) for a in args]
    parts += [f"{key}={_brief(item)}" for key, item in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def _brief(value):
    if isinstance(value, dict) and set(value) == {"array", "dtype"}:
        value = value["array"]
    if isinstance(value, dict) and set(value) == {"tuple"}:
        value = tuple(value["tuple"])
    if odd := values.stands_for(value):
        return odd[0]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_brief, value[:8])) + (", …" if len(value) > 8 else "")
        text = f"[{inside}]" if isinstance(value, list) else f"({inside})"
        return text if len(text) <= 400 else text[:399] + "…"
    text = str(value)
    return one_line(text if len(text) <= 120 else text[:119] + "…")


def _count(number):
    """A number with its thousands apart, unless that would fill the line."""
    return f"{number:,}" if abs(number) < 10**30 else _brief(number)


def _quoted(value):
    return f'the text "{_brief(value)}"' if isinstance(value, str) else _brief(value)


def _one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
