"""Helpers of the meanings: rows for unknown steps, and the fields that all rows have."""

from course.language import _
from course.network.node import Node


class NotUnderstood(Exception):
    """No row can express this use of a step. The text, if any, is the row's name for it."""


def kind(step):
    """The Keras class of a step."""
    return step["op"].split(".", 1)[1]


def unknown(step, *values, words="", moves=()):
    """The rows of a step that is not understood, one for each output.

    They have Keras's name for the step, and the shapes and parameters that Keras reports.
    """
    words, made = words or kind(step), []
    if step.get("own"):
        own = _("{step}, a layer of your own with weights (write them with layers of Keras)")
        words = own.format(step=words)
    for shape in step["shapes"]:
        # A size that depends on the batch (a stack along axis 0) is read as 1.
        shape = [side if isinstance(side, int) and side > 0 else 1 for side in shape or [1]]
        grid = tuple(shape[:-1]) or (1, 1)
        rest = {
            "claimed": step.get("parameters", 0),
            "claimed_trained": step.get("trained", 0),
            "closed": step.get("probe") == [],
            "flat": len(shape) == 1,
            "moves": moves,
        }
        made.append(
            Node(step["name"], words, tuple(values), shape[-1], grid, **rest, **common(step))
        )
    return made


def must_be_map(step, x):
    """Raise NotUnderstood for vectors and tokens, and for data_format="channels_first"."""
    if x.flat or len(x.grid) != 2:
        raise NotUnderstood
    if step["config"].get("data_format", "channels_last") != "channels_last":
        raise NotUnderstood


def common(step):
    """The fields that every row of a step has."""
    lost, frozen = bool(step.get("lost")), str(step.get("frozen", ""))
    return {"layer": step["layer"], "written": kind(step), "lost": lost, "frozen": frozen}


def pair(value):
    """A number as (number, number); a pair stays a pair."""
    return (value, value) if isinstance(value, int) else tuple(value)
