"""Follow-through: one mistake costs its own points, not those of the exercises built on it.

If an answer failed, the exercises that depend on it are judged once more with the official answer
in its place. This happens in a new kernel, after all verdicts. The student's code may read the
official answers there. So nothing leaves that kernel except whether a check passes: no message, no
output, no value. And an official answer is run there only after all checks of its own exercise.
"""

from course.diagnosis.causes import Cause, finding
from course.evidence import cells
from course.language import _
from course.network.words import listed
from course.notebook import symbols
from course.notebook.official import grade_id


class Dependencies:
    """Which answers a test is about, and on which earlier ones these depend.

    `solution` is the source's code cells, [(grade id or None, text), ...]; `official` the
    assignment's cells, {grade id: Official}; `texts` the student's answers, {grade id: text}.
    """

    def __init__(self, solution, official, texts):
        self._cells = []  # (grade id of an answer or None, names it defines, names it uses)
        self.answers = dict.fromkeys(n for n, c in official.items() if c.solution)
        self.own, self.before = {}, {}  # {test: its answers}, {test: the answers they depend on}
        self.last = {}  # {answer: the last test that is about it}
        for name, text in solution:
            if name in official and official[name].points is not None:
                self._test(name, symbols.used(text))
                continue
            uses, answer = symbols.used(text), name if name in self.answers else None
            if answer is not None:
                self.answers[name] = text
                uses |= symbols.used(texts.get(name, ""))
            self._cells.append((answer, cells.definitions(text), uses))

    def _test(self, name, uses):
        first, reached = self._reached(uses)
        judged = self.about(self.own)
        self.own[name] = (first - judged) or first
        self.before[name] = reached - self.own[name]
        for answer in self.own[name]:
            self.last[answer] = name

    def _reached(self, names):
        """(the answers that names lead to without passing another answer, all they lead to)."""
        first, reached, seen = set(), set(), set()
        waiting = [(name, len(self._cells), False) for name in names]
        while waiting:
            state = name, end, met = waiting.pop()
            if state in seen:
                continue
            seen.add(state)
            # First look above the cell. A function may also use names that are defined below it.
            order = [*range(end - 1, -1, -1), *range(len(self._cells) - 1, end, -1)]
            at = next((i for i in order if name in self._cells[i][1]), None)
            if at is None:
                continue
            answer, _, uses = self._cells[at]
            if answer is not None:
                reached.add(answer)
                if not met:
                    first.add(answer)
            waiting += [(other, at, met or answer is not None) for other in uses]
        return first, reached

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

    def made_by(self, answer):
        """The names that an official answer defines, in order."""
        return list(cells.definitions(self.answers[answer]))


def follow(nb, found, failed, chosen, run, passes):
    """Yield (test, the answers that official ones replaced) for each chosen test that now passes.

    `found` are the `Dependencies`; `failed` and `chosen` are tests. `run(text)` runs a cell in the
    new kernel, and `run(text, official=True)` runs an official answer. `passes(test)` says whether
    a test passes there.

    An official answer is run right after the wrong one; if a chosen test is about that one, only
    after the last test about it.
    """
    wrong, late = found.about(failed), found.about(chosen)
    replaced, passed, left = set(), set(), set(chosen)
    for cell in nb.cells:
        if not left:
            break
        if cell.cell_type != "code":
            continue
        name = grade_id(cell)
        if name not in found.own:
            if not _took_too_long(cell):
                run(cell.source)
            now_official = [name] if name in wrong - late else []
        else:
            now_official = [a for a in found.answers if a in wrong & late and found.last[a] == name]
            if name in left:
                left.discard(name)
                stood = [a for a in found.answers if a in found.before[name] & replaced]
                if passes(name) and stood:
                    passed.add(name)
                    yield name, stood
        for answer in now_official:
            tests = [test for test, own in found.own.items() if answer in own and test in failed]
            if not passed.issuperset(tests):
                run(found.answers[answer], official=True)
                replaced.add(answer)


def _took_too_long(cell):
    return any(output.get("ename") == "TookTooLong" for output in cell.outputs)


def remark(found, answers, failed):
    """The finding that names the official answers with which an exercise was judged.

    It refers to the last of the tests `failed` that is about each.
    """
    names = dict.fromkeys(name for answer in answers for name in found.made_by(answer))
    tests = {a: [t for t in failed if a in found.own.get(t, ())][-1] for a in answers}
    text = _("the official {names}, because yours is not right (see {tests})")
    text = text.format(names=listed(names), tests=listed(dict.fromkeys(tests.values())))
    return finding("", Cause.FOLLOWS, received=text)
