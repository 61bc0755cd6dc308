"""Letters that answer questions with a choice, compared with the right ones."""

from course.check import words
from course.check.letters import (
    RIGHT,
    alexnet,
    comparison,
    convolution,
    inception,
    lenet,
    project,
    resnet,
    vgg,
)
from course.diagnosis import Cause, finding
from course.language import _

_NOTEBOOKS = convolution, lenet, alexnet, vgg, inception, resnet, comparison, project
#: {the name in a notebook's check.choice: {question: {letter: why it is wrong, or RIGHT}}}
QUESTIONS = {name: asked for notebook in _NOTEBOOKS for name, asked in notebook.QUESTIONS.items()}


def wrong(got, questions):
    """Findings about a dict {question: letter}; none if all letters are right.

    `questions` is a name in `QUESTIONS`, or a dict like one of its values. Raises TypeError if a
    question of such a dict has not one right letter.
    """
    questions = QUESTIONS[questions] if isinstance(questions, str) else questions
    for question, reasons in questions.items():
        if list(reasons.values()).count(RIGHT) != 1:
            raise TypeError(
                f"One letter of {question!r} should be right, with {RIGHT!r} as its reason; each "
                "other one should have a reason why it is wrong."
            )
    if got is None:
        return [finding("", Cause.NOT_ANSWERED, hint=words.answer_above())]
    if not isinstance(got, dict):
        kind = {
            "expected": _("a dict with a letter for each question"),
            "received": words.quoted(got),
        }
        return [finding("", Cause.WRONG_KIND_OF_VALUE, **kind)]
    findings = []
    for question, reasons in questions.items():
        letter = got.get(question)
        if isinstance(letter, str):
            letter = letter.strip(" ().").lower()  # "B" and "b)" are b
        if question not in got and (other := words.other_key(got, question)):
            findings.append(finding(question, Cause.MISSING_KEY, hint=other))
        elif letter is None:
            findings.append(finding(question, Cause.NOT_ANSWERED))
        elif letter not in list(reasons):
            hint = _(
                'Write one of the letters "a" to "{last}", in quotation marks. You have {value}.'
            )
            hint = hint.format(last=max(reasons), value=words.quoted(letter))
            findings.append(finding(question, Cause.WRONG_VALUE, received=letter, hint=hint))
        elif reasons[letter] != RIGHT:
            hint = _(reasons[letter])
            findings.append(finding(question, Cause.CHOICE, received=letter, hint=hint))
    return findings
