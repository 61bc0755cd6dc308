"""Ask for evidence about an answer, and refuse a reply that is not well formed."""

from __future__ import annotations

from course.check import outcome, words
from course.check.card import Card
from course.check.outcome import conclude
from course.diagnosis import Cause, finding
from course.evidence import values, watch
from course.evidence.observe import observe
from course.language import _
from course.plain import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


__tracebackhide__ = outcome.__tracebackhide__


def ask(subject, request):
    """The reply to a request (`course.evidence.observe`), from this process or from the box.

    A reply without the expected field, or without an answer for each call, is one that failed.
    """
    outcome.made_by(watch.helper_of(subject))
    remote = values.attribute(type(subject), "__evidence__")
    reply = remote(subject, request) if remote else observe(subject, request)
    if not _is_formed(reply, request):
        return {"failed": "NO_ANSWER", "text": words.malformed()}
    if "failed" in reply:
        return reply
    if request["ask"] == "value":
        reply["value"] = values.plain(reply["value"])  # bounded, as `observe` gives it
    elif request["ask"] == "call":
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
