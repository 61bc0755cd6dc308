"""A network that a student's code builds, read and compared with tables."""

from dataclasses import replace

from course.anatomy import anatomy
from course.check import words
from course.check.asked import ask, failed
from course.check.card import Card
from course.diagnosis import Cause, finding, nearest, worded
from course.evidence import values
from course.language import _
from course.network.graph import TooLarge
from course.network.recognise import drawn
from course.network.words import shape_of
from course.plain import one_line

_LARGEST = 100_000  # of any size, stride, or number of maps or units; ImageNet-22K has 21,841
# Counts and shapes are Keras's words; a flattened map may well have millions of values.
_SHOWN = {"parameters", "trained", "shapes", "reads", "target_shape", "newshape"}
_LARGEST_SHOWN = 10**12
_LONGEST = 1000


def card(kind, subject, args, kwargs, tables):
    """The Card of a builder or a function, compared with the tables."""
    name, found, unread = read(
        kind, subject, args, kwargs, tables[0].input_shape, lambda built: nearest(built, tables)
    )
    if unread:
        return Card(name, [unread], tables[0])
    built, (table, findings) = found
    findings = [*findings, *built.stopped]
    if kind == "block" and findings and findings[0].cause is Cause.MISSING:
        findings = [_with_its_end(findings[0], built, table), *findings[1:]]
    note = _note(built)
    if findings:
        several = _("It is compared with {table}, the nearest of {count} tables.")
        note = several.format(table=table.name, count=len(tables)) if len(tables) > 1 else ""
    return Card(name, findings, table, built, note)


def read(kind, subject, args, kwargs, input_shape, judged):
    """(the call, (its Anatomy, what `judged` says of that), None).

    If there is no network, or none that can be read, it is (the call, None, the Finding about it).
    """
    request = {
        "ask": kind,
        "args": values.sendable(list(args)),
        "kwargs": values.sendable(kwargs),
        "input_shape": list(input_shape),
        "probe": drawn(),  # new each time, so that no answer can be prepared
    }
    reply = ask(subject, request)
    name = words.call(words.name(subject), args, kwargs)
    if "failed" in reply:
        last = _("a function that returns its last tensor")
        wanted = last if kind == "block" else _("a model")
        return name, None, failed(reply, wanted)
    try:
        built = anatomy(_bounded(reply["trace"]), numbers=request["probe"])
        # The code does not run as it is. A finding about a merge tells that, if an output reads it.
        stopped = reply.get("stopped") or ("" if built.faults else reply.get("unmerged", ""))
        if stopped := one_line(stopped):
            built.stopped = [finding("", Cause.RAISES, received=stopped)]
        return name, (built, judged(built)), None
    except TooLarge as error:
        return name, None, finding("", Cause.READ_NO_FURTHER, received=str(error))
    except Exception as error:  # not a trace that Keras can have made
        return name, None, finding("", Cause.UNREADABLE, received=_one_line(error))


def _with_its_end(found, built, table):
    """The finding of a missing row, with the function's output shape if that is wrong too."""
    ends = [[value.shape for value in network.outputs] for network in (built, anatomy(table))]
    if ends[0] == ends[1] or len(ends[0]) != 1:
        return found
    yours, right = (shape_of(end[0]) for end in ends)
    text = _("Your function gives {received}, it should give {expected}.")
    text = text.format(received=yours, expected=right)
    return replace(found, message=f"{found.message} {text}")


def _note(built):
    """A remark on a right network: a convolution before a batch normalisation has a bias."""
    before = [step.inputs[0].sources for step in built if step.step == "batch_norm"]
    before = [sources[0] for sources in before if len(sources) == 1]
    without_use = [step.name for step in before if step.step == "conv" and step.bias]
    if not without_use:
        return ""
    first, *others = without_use
    if others:
        first = _("{name} (and {number} more like it)").format(name=first, number=len(others))
    return worded(
        built.library,
        _(
            "{name} has a bias, which the batch normalisation after it takes out again. That is "
            "accepted. With use_bias=False the layer holds one array of weights instead of two."
        ),
        _(
            "{name} has a bias, which the batch normalisation after it takes out again. That is "
            "accepted. With bias=False the layer holds one array of weights instead of two."
        ),
    ).format(name=first)


def _one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _bounded(trace):
    """A trace as it may be read. Raises TooLarge for sizes and names that no network has.

    Layers that nothing reads only explain what is wrong. Of these, what is too large is left out.
    """
    unread = [step for step in trace.get("unread", ()) if _is_within_bounds(step)]
    rest = {name: part for name, part in trace.items() if name != "unread"}
    _within_bounds(rest)
    return rest | {"unread": unread}


def _is_within_bounds(step):
    try:
        _within_bounds(step)
    except TooLarge:
        return False
    return True


def _within_bounds(value):
    waiting = [(value, _LARGEST)]
    while waiting:
        item, most = waiting.pop()
        if isinstance(item, dict):
            waiting += [(v, _LARGEST_SHOWN if k in _SHOWN else most) for k, v in item.items()]
        elif isinstance(item, list):
            waiting += [(v, most) for v in item if type(v) is not float]  # a probe has thousands
        elif isinstance(item, int) and abs(item) > most:
            said = _("A size of this network is more than {most}.")
            raise TooLarge(said.format(most=f"{most:,}"))
        elif isinstance(item, str) and len(item) > _LONGEST:
            said = _("A name in this network has more than {most} characters.")
            raise TooLarge(said.format(most=f"{_LONGEST:,}"))
