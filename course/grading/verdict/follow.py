"""Follow-through: one mistake costs its own points, not those of the exercises built on it.

If an answer failed, the exercises that depend on it are judged once more with the official answer
in its place. This happens in a new kernel, after all verdicts. The student's code may read the
official answers there. So nothing leaves that kernel except whether a check passes: no message, no
output, no value. And an official answer is run there only after all checks of its own exercise.
"""

from collections import defaultdict
from typing import NamedTuple

from course.diagnosis.causes import Cause, finding
from course.evidence import cells
from course.language import _
from course.network.words import listed
from course.notebook import symbols
from course.notebook.official import grade_id


class _Cell(NamedTuple):
    answer: str | None  # its grade id, if it is an answer
    defines: dict  # names
    uses: set  # names; for an answer those of the student's text, too


class Dependencies:
    """Which answers a test is about, and on which earlier ones these depend.

    `solution` is the source's code cells, [(grade id or None, text), ...]; `official` the
    assignment's cells, {grade id: Official}; `texts` the student's answers, {grade id: text}.
    """

    def __init__(self, solution, official, texts):
        self._cells = []  # those above the present test
        self.answers = dict.fromkeys(n for n, c in official.items() if c.solution)  # their texts
        self.own, self.before = {}, {}  # {test: its answers}, {test: the answers they depend on}
        for name, text in solution:
            if name in official and official[name].points is not None:
                direct = self._answers(symbols.used(text))
                self.own[name] = (direct - self.about(self.own)) or direct
                behind = self._answers(symbols.used(text), through_answers=True)
                self.before[name] = behind - self.own[name]
                continue
            answer, uses = None, symbols.used(text)
            if name in self.answers:
                answer, self.answers[name] = name, text
                uses |= symbols.used(texts.get(name, ""))
            self._cells.append(_Cell(answer, cells.definitions(text), uses))
        # {answer: the last test that is about it}
        self.last = {answer: test for test, own in self.own.items() for answer in own}

    def _answers(self, names, through_answers=False):
        """The answers that names lead to: directly, or also through other answers."""
        found, seen, waiting = set(), set(), {(name, len(self._cells)) for name in names}
        while waiting:
            seen.add(use := waiting.pop())
            at = self._definition(*use)
            if at is None:
                continue
            cell = self._cells[at]
            if cell.answer:
                found.add(cell.answer)
            if through_answers or not cell.answer:
                waiting |= {(name, at) for name in cell.uses} - seen
        return found

    def _definition(self, name, user):
        """The index of the cell that defines a name for the cell `user`; None if there is none.

        It stands above. Only a function may use a name that is defined below it.
        """
        order = [*range(user - 1, -1, -1), *range(len(self._cells) - 1, user, -1)]
        return next((at for at in order if name in self._cells[at].defines), None)

    def about(self, tests):
        """The answers that some of these tests are about."""
        return {answer for test in tests for answer in self.own.get(test, ())}

    def candidates(self, failed, unanswered):
        """The tests to judge again: failed, answered, and dependent on another answer that failed.

        `failed` are the tests that failed, `unanswered` the answers that are as released.
        """
        wrong = self.about(failed)
        return [
            test
            for test in failed
            if self.before.get(test, set()) & wrong and not self.own[test] <= unanswered
        ]


def follow(nb, found, failed, chosen, run, passes):
    """Yield (test, the answers that official ones replaced) for each chosen test that now passes.

    `found` are the `Dependencies`; `failed` and `chosen` are tests. `run(text)` runs a cell in the
    new kernel, and `run(text, official=True)` runs an official answer. `passes(test)` says whether
    a test passes there.

    An official answer is run right after the wrong one; if a chosen test is about that one, only
    after the last test about it.
    """
    due, late = defaultdict(list), found.about(chosen)  # {cell: the official answers after it}
    wrong = found.about(failed)
    for answer in (answer for answer in found.answers if answer in wrong):
        due[found.last[answer] if answer in late else answer].append(answer)
    replaced, passed, left = set(), set(), set(chosen)
    for cell in nb.cells:
        if not left:
            break
        if cell.cell_type != "code":
            continue
        name = grade_id(cell)
        if name in left:
            left.remove(name)
            stood_in = [a for a in found.answers if a in found.before[name] & replaced]
            if passes(name) and stood_in:
                passed.add(name)
                yield name, stood_in
        elif name not in found.own and not _took_too_long(cell):
            run(cell.source)
        for answer in due[name]:
            tests = {test for test in failed if answer in found.own.get(test, ())}
            if not tests <= passed:
                run(found.answers[answer], official=True)
                replaced.add(answer)


def _took_too_long(cell):
    return any(output.get("ename") == "TookTooLong" for output in cell.outputs)


def remark(found, answers, failed):
    """The finding that names the official answers with which an exercise was judged.

    It refers to the last of the tests `failed` that is about each.
    """
    names = (name for answer in answers for name in cells.definitions(found.answers[answer]))
    test_of = {answer: test for test in failed for answer in found.own.get(test, ())}
    tests = (test_of[answer] for answer in answers)
    text = _("the official {names}, because yours is not right (see {tests})")
    text = text.format(names=listed(dict.fromkeys(names)), tests=listed(dict.fromkeys(tests)))
    return finding("", Cause.FOLLOWS, received=text)
