"""Ask for evidence about an answer, and refuse a reply that is not well formed."""

from __future__ import annotations

from course.check import outcome, words
from course.check.card import Card
from course.check.outcome import conclude
from course.diagnosis import Cause, finding
from course.evidence import values, watch
from course.evidence.observe import observe
from course.language import _
from course.network.graph import TooLarge
from course.plain import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


__tracebackhide__ = outcome.__tracebackhide__

_LARGEST = 100_000  # of any size, stride, or number of maps or units; ImageNet-22K has 21,841
# Counts and shapes are Keras's words; a flattened map may well have millions of values.
_SHOWN = {"parameters", "trained", "shapes", "reads", "target_shape", "newshape"}
_LARGEST_SHOWN = 10**12
_LONGEST = 1000


def ask(subject, request):
    """The reply to a request (`course.evidence.observe`), from this process or from the box.

    A reply without the expected field, or without an answer for each call, is one that failed.
    """
    outcome.made_by(watch.helper_of(subject))
    remote = values.attribute(type(subject), "__evidence__")
    reply = remote(subject, request) if remote else observe(subject, request)
    if not _is_formed(reply, request):
        return {"failed": "NO_ANSWER", "text": words.malformed()}
    if "value" in reply:
        reply["value"] = values.plain(reply["value"])  # bounded, as `observe` gives it
    if "answers" in reply:
        reply["answers"] = list(map(values.plain, reply["answers"]))
    return reply


def _is_formed(reply, request):
    """Whether a reply has what the request asks for; the student's process may send anything."""
    if not isinstance(reply, dict):
        return False
    if "failed" in reply:
        return isinstance(reply["failed"], str)
    if request["ask"] == "call":
        answers = reply.get("answers")
        return isinstance(answers, list) and len(answers) == len(request["cases"])
    return ("value" if request["ask"] == "value" else "trace") in reply


def told(subject: object, request: dict[str, Any], expected: str) -> dict[str, Any]:
    """The reply to a request for a value or for the answers of calls.

    `expected` says in words what the subject should be. Raises CheckFailed if it gave no answer.
    """
    reply = ask(subject, request)
    if "failed" in reply:
        conclude(Card(words.name(subject), [failed(reply, expected)]))
    return reply


def failed(reply, expected, hint=""):
    """The finding about code that gave no evidence; `expected` says what it should have been."""
    kind = reply["failed"]
    cause = Cause[kind] if kind in Cause.__members__ else Cause.NO_ANSWER
    text = one_line(reply.get("text", ""))
    expected = expected if cause is Cause.WRONG_KIND_OF_VALUE else ""
    if cause is Cause.NOT_ANSWERED:
        hint = _("Fill in the cell above and run it.")
        if text.isidentifier():
            hint = _("Your answer calls {name}(). Fill that in, and run its cell.")
            hint = hint.format(name=text)
    return finding("", cause, expected, text, hint=hint)


def no_plain_value(row, stand_in, expected):
    """The finding about a part of an answer that has no plain form."""
    said, cause = stand_in
    cause = Cause[cause] if cause in Cause.__members__ else Cause.WRONG_KIND_OF_VALUE
    return finding(row, cause, expected, said)


def bounded(trace):
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
