"""Pairs of submissions that are more alike than the class makes usual. This proves nothing.

An answer is compared by its fingerprints. The release and the solution have theirs in everybody's
answers, and they are left out; the others weigh the more, the fewer submissions have them: log n/m
for m of n. How much of one answer is found anywhere in another student's work is a share of that
weight. Its chance p is the part of the class in which as much of it is found. Over the exercises,
−log p is added up, times the share: Fisher's way to combine tests (R. A. Fisher, "Statistical
Methods for Research Workers", section 21.1). A wrong finding that few have counts like an answer.

The class itself says which sums are usual. By Fisher's approximation the square root of such a sum
is nearly normal, so a straight line through two upper quantiles of all pairs says which sum
would be expected where everybody works alone: in one of five classes, or once among 1,000 people.
"""

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from course.grading import CourseError
from course.grading.folder import write_atomically
from course.grading.grade import released
from course.grading.out.feedback import rendered
from course.grading.out.works import FINDINGS, Work, add_findings, counts, works_of
from course.plain import one_line

FEWEST = 20  # submissions; among fewer nothing is usual
_EXPECTED = 0.001  # pairs of people who worked alone that are listed, for each submission
_FEWEST_EXPECTED = 0.2  # in a class
_COMMON = 0.5  # of the class: what more of it have says nothing
_TOLD = 1.0  # evidence of an exercise that is worth telling
_MOST_SHOWN = 20_000  # characters of an answer on the page


@dataclass
class Shared:
    """What two works share in one exercise of the first."""

    exercise: str
    share: float  # of the weight of the first one's answer, 0 to 1
    nearer: int  # other submissions in which as much of it is found
    texts: list = field(default_factory=list)  # of both: (exercise, [(line, whether it is shared)])
    said: list = field(default_factory=list)  # findings, in words


@dataclass
class Pair:
    """Two works that are more alike than usual; `likeness` is the sum of the evidence."""

    one: Work
    other: Work
    likeness: float
    shared: list


@dataclass
class Similar:
    """A class: the pairs, the likeness that none of them is usually above, and what was read."""

    assignment: str
    pairs: list
    usual: float
    count: int  # submissions with answers
    compared: int  # of them from other folders
    empty: int  # submissions without an answer of their own
    graded: int
    left: int  # pairs that are not shown


def similar(course, assignment, also=(), most=20, progress=lambda *_: None):
    """Compare all submissions of an assignment, and write the page. Returns (Similar, its path).

    `also` are other folders whose submissions are compared with them, but not with each other.
    `progress(number, total, None)` is called for each submission that has been read.
    Raises CourseError if there are too few submissions, or a folder holds none.
    """
    official = released(course, assignment)
    works, empty = works_of(course, assignment, official, also, progress)
    graded = add_findings(course, assignment, works)
    if len(works) < FEWEST:
        raise CourseError(
            f"It takes {FEWEST} submissions with answers of their own to say what is usual in a "
            f"class; {assignment} has {len(works)}. What is as in the release or the solution does "
            "not count. Name last year's folder, too, if you have it: --also FOLDER"
        )
    comparison = _Comparison(works)
    unusual = comparison.unusual()
    found = Similar(
        assignment,
        pairs=[comparison.pair(*rows) for rows in unusual[:most]],
        usual=comparison.usual,
        count=len(works),
        compared=sum(work.place is not None for work in works),
        empty=empty,
        graded=graded,
        left=len(unusual[most:]),
    )
    path = course.root / "similar" / f"{assignment}.html"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    page = rendered("similar.html", found=found, expected=expected(len(works)))
    write_atomically(path, page.encode("utf-8", "replace"))
    return found, path


# --- how alike they are


class _Comparison:
    """All works compared with each other. An array (n, n) has a row for each work."""

    def __init__(self, works):
        self.works, total = works, len(works)
        self.count = counts(works)
        most = max(2, _COMMON * total)
        self.weights = {
            k: np.log(total / number) for k, number in self.count.items() if number <= most
        }
        self.exercises = sorted({exercise for work in works for exercise in work.prints})
        same = _same_person(works)
        self.shares = {name: _shares(works, name, self.weights, same) for name in self.exercises}
        self.nearer = {name: _nearer(shares) for name, shares in self.shares.items()}
        likeness = sum(map(self._evidence, self.exercises), np.zeros((total, total)))
        self.likeness = np.minimum(likeness, likeness.T)
        self.usual = usual_likeness(self.likeness)

    def _evidence(self, exercise, at=...):
        return np.log(len(self.works) / self.nearer[exercise][at]) * self.shares[exercise][at]

    def unusual(self):
        """[(row, row)] of those that are more alike than usual, the most alike first."""
        own = [work.place is None for work in self.works]
        rows = np.nonzero(np.triu(self.likeness, 1) > self.usual)
        found = [pair for pair in zip(*rows, strict=True) if own[pair[0]] or own[pair[1]]]
        return sorted(found, key=lambda pair: -self.likeness[pair])

    def pair(self, *at):
        """The Pair of two works, by their rows."""
        evidence = {exercise: self._evidence(exercise, at) for exercise in self.exercises}
        exercises = sorted(self.exercises, key=lambda exercise: -evidence[exercise])
        shared = [self._shared(name, at) for name in exercises if evidence[name] >= _TOLD]
        one, other = (self.works[row] for row in at)
        return Pair(one, other, float(self.likeness[at]), shared)

    def _shared(self, exercise, at):
        """The Shared of two works in an exercise of the first, with both texts."""
        one, other = (self.works[row] for row in at)
        found = Shared(exercise, float(self.shares[exercise][at]), int(self.nearer[exercise][at]))
        prints = one.prints[exercise]
        if exercise == FINDINGS:
            both = prints.keys() & other.prints[exercise].keys()
            found.said = sorted(
                (one_line(key[0]), one_line(key[1] or ""), key[2], self.count[key]) for key in both
            )
            return found
        there = {
            where: sum(self.weights.get(key, 0) for key in prints.keys() & others.keys())
            for where, others in other.prints.items()
        }
        where = max(there, key=lambda name: (there[name], name == exercise))
        both = {key for key in prints.keys() & other.prints[where].keys() if key in self.weights}
        for work, name in ((one, exercise), (other, where)):
            lines = {line for key in both for line in work.prints[name][key]}
            found.texts.append((name, _marked(work.answers[name], lines)))
        return found


def _marked(text, lines):
    """[(line, whether it is one of the lines with these numbers)] of a text, as far as shown."""
    shown = text[:_MOST_SHOWN].splitlines()
    shown = [(line, number in lines) for number, line in enumerate(shown, 1)]
    if len(text) > _MOST_SHOWN:
        shown.append((f"[… {len(text) - _MOST_SHOWN:,} more characters]", False))
    return shown


def _same_person(works):
    """Which works are of the same person, as of one who takes the course again; (n, n)."""
    same, rows = np.eye(len(works), dtype=bool), {work.name: at for at, work in enumerate(works)}
    for at, work in enumerate(works):
        for other in (rows[part] for part in work.place or () if part in rows):
            same[at, other] = same[other, at] = True
    return same


def _shares(works, exercise, weights, same):
    """How much of each one's answer is anywhere in each other's work: an array (n, n), 0 to 1."""
    keys = {key for work in works for key in work.prints.get(exercise, ()) if key in weights}
    column = {key: at for at, key in enumerate(keys)}
    answer, anywhere = np.zeros((2, len(works), len(column)), np.float32)
    for row, work in enumerate(works):
        for where, prints in work.prints.items():
            for key in prints.keys() & column.keys():
                anywhere[row, column[key]] = 1
                if where == exercise:
                    answer[row, column[key]] = weights[key]
    shares = answer @ anywhere.T / np.maximum(answer.sum(axis=1, keepdims=True), 1e-9)
    return np.where(same, 0, shares)


def _nearer(shares):
    """In how many others as much of each one's answer is found, or more; (n, n)."""
    total, least = len(shares), 1e-4  # of float32
    found = np.empty((total, total), np.int32)
    for at, row in enumerate(shares):
        found[at] = total - np.searchsorted(np.sort(row), row - least)
    return np.where(shares > least, found, total)


def expected(count):
    """How many pairs of people who worked alone are listed among so many submissions."""
    return max(_FEWEST_EXPECTED, _EXPECTED * count)


def usual_likeness(likeness):
    """The likeness that so many pairs as `expected` exceed by chance, from an array (n, n)."""
    sums = np.sqrt(np.sort(likeness[np.triu_indices(len(likeness), 1)])[::-1])
    chance = expected(len(likeness))
    upper = int(1.5 * len(likeness))  # so many pairs that copies among them do not decide
    lower = min(6 * upper, len(sums) // 2)
    places = [NormalDist().inv_cdf(1 - rank / len(sums)) for rank in (chance, upper, lower)]
    slope = (sums[upper] - sums[lower]) / (places[1] - places[2])
    line = sums[upper] + slope * (places[0] - places[1])
    # Where hardly any two share anything, independent exercises set the limit (Bonferroni's).
    return float(max(line**2, np.log(len(sums) / chance)))


# --- in words


def sentences(found):
    """The lines that the command prints."""
    others = f", {found.compared} of them in other folders" if found.compared else ""
    empty = f", {found.empty} do not, or cannot be read" if found.empty else ""
    hold = f"{found.count} submissions of {found.assignment} hold answers of their own"
    yield f"{hold}{others}{empty}."
    for pair in found.pairs:
        names = f"{one_line(pair.one.whose)} and {one_line(pair.other.whose)}"
        yield f"{pair.likeness:5.1f}  {names}: {'; '.join(map(_in_words, pair.shared))}"
    if found.left:
        yield f"{found.left} more pairs are above the usual, but not shown: --most NUMBER"
    many = f"{len(found.pairs) + found.left} pairs are" if found.pairs else "No pair is"
    yield f"{many} more alike than is usual in this class (up to {found.usual:.1f})."
    if not found.graded:
        yield "None of them has been graded, so wrong findings were not compared."
    if found.pairs:
        yield "This proves nothing. Read both texts side by side, and ask before you conclude."


def _in_words(shared):
    if shared.said:
        said = (
            f"{' '.join((exercise, *row.split(), *cause.lower().split('_')))} ({number} have it)"
            for exercise, row, cause, number in shared.said
        )
        return "the same wrong finding in " + ", ".join(said)
    elsewhere = shared.texts[1][0]
    place = f" in {elsewhere}" if elsewhere != shared.exercise else ""
    return f"{shared.exercise} {shared.share:.0%}{place}"
