"""`course try`: an assignment released into a folder of its own, and graded on a bank of answers.

Nothing in the course's folder changes. The solution gets all points, and the untouched release
none. Each right answer of the bank gets all, and each mistake costs its points and gets its
sentence.
"""

import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import nbformat

from course.diagnosis.causes import Cause
from course.grading import CourseError, variants
from course.grading.demo import answered, model_answers
from course.grading.folder import BANKS, CourseFolder
from course.grading.grade import job_of, verdicts
from course.grading.notebook.source import read_source
from course.grading.out.release import look_at_source, release
from course.grading.out.trial import codes, naming
from course.grading.own import house
from course.grading.own.bank import packs, read_bank
from course.language import ENGLISH
from course.plain import one_line

_STUBS = {"NotImplementedError", "CheckFailed"}  # how cells of an untouched release may end


@dataclass(frozen=True)
class Outcome:
    """What an answer of the bank got, and what should have come out otherwise."""

    name: str
    got: str
    problems: list


def about(course, assignment, bank=None):
    """(the bank, sentences about the source and the bank). Nothing is run.

    Raises CourseError if the source cannot be released as it is, or there is no bank.
    """
    look_at_source(course, assignment)
    bank = read_bank(bank or course.root / BANKS / f"{assignment}.py")
    path = _notebook(course, assignment, bank)
    nb = read_source(path)
    problems = [f"{path.name}: {said}" for said in house.style_problems(nb)]
    problems += [f"{path.name}: {said}" for said in house.bank_problems(nb, bank)]
    every = [path for name in course.assignments() for path in course.notebooks(name)]
    return bank, problems + house.handed_out({path.stem: read_source(path) for path in every})


def try_out(course, assignment, bank, sandbox):
    """Yield (number, total, Outcome) for each answer of a bank, in the order of the grading.

    If the solution does not get all points, only it and the untouched notebook are looked at.
    Mistakes that should cost checks that are not there (`about` says so) are left out.
    """
    with TemporaryDirectory(prefix="course-try-") as folder:
        room = CourseFolder(course.root, copy=folder)
        shutil.copytree(course.path("source", assignment), room.path("source", assignment))
        if (course.root / "tables").is_dir():
            shutil.copytree(course.root / "tables", room.root / "tables")
        variants.key(room.root, make=True)  # for this folder alone
        room.config.Stamp.language = ENGLISH  # as the sentences of a bank are
        released = {path.name: path for path in release(room, assignment, "")}
        source = _notebook(room, assignment, bank)
        job = job_of(room, assignment, sandbox)
        asked = {name for name, cell in job.official[source.stem].items() if cell.is_test}
        mistakes = [m for m in bank.MISTAKES if {*m.lost, *m.follows} <= asked]
        bank = SimpleNamespace(RIGHT=bank.RIGHT, MISTAKES=mistakes)
        own, *more = codes(*map(read_source, room.notebooks(assignment))) or [None]
        cases = _cases(bank, read_source(source), nbformat.read(released[source.name], 4), own)
        for code in more:
            nb = naming(read_source(source), code)
            cases[code] = nb, {f"the solution of variant {code}": _right}
        if own:  # nobody's: each notebook is judged as the one of the code that it names
            job = replace(job, codes={case: case if case in more else own for case in cases})
        others = {p.stem: p.read_bytes() for p in room.notebooks(assignment) if p != source}
        contents = {
            name: {**others, source.stem: nbformat.writes(nb).encode()}
            for name, (nb, _) in cases.items()
        }
        total, number = sum(len(looks) for _, looks in cases.values()), 0
        waiting, sound = {"solution", "untouched"}, True
        for case, verdict in verdicts(job, list(contents), contents.get):
            if not sound and case not in waiting:
                continue
            waiting.discard(case)
            got = {each.name: each for each in verdict.exercises if each.name in asked}
            for name, look in cases[case][1].items():
                number += 1
                outcome = Outcome(name, "not graded", [verdict.failed])
                if not verdict.failed:
                    outcome = Outcome(name, *look(got, verdict))
                yield number, total, outcome
                sound &= case != "solution" or not outcome.problems
            if not (sound or waiting):
                return  # the others differ from the solution in a cell or two, and would fail too


def _notebook(course, assignment, bank):
    """The path of the source notebook that a bank is about."""
    name = Path(bank.NOTEBOOK).name
    for path in course.notebooks(assignment):
        if path.name == name:
            return path
    known = ", ".join(f"{assignment}/{path.name}" for path in course.notebooks(assignment))
    raise CourseError(f"NOTEBOOK of the bank should be {known}. It is {one_line(bank.NOTEBOOK)}.")


def _cases(bank, source, released, code):
    """{student: (its notebook, {name of an answer in it: what looks at its verdict})}.

    Of an assignment with variants, the answers are those of the variant with this `code`.
    """
    right = model_answers(source)
    cases = {
        "solution": (source, {"the solution": _right}),
        "untouched": (released, {"the untouched notebook": _untouched}),
    }
    for number, (style, answers) in enumerate(bank.RIGHT.items()):
        nb = naming(answered(released, {**right, **answers}), code)
        cases[f"right-{number}"] = nb, {f"right, {style}": _right}
    for number, pack in enumerate(packs(bank.MISTAKES)):
        nb = naming(answered(released, {**right, **{m.cell: m.source for m in pack}}), code)
        looks = {f"mistake, {m.name}": partial(_mistaken, m, pack) for m in pack}
        cases[f"mistakes-{number}"] = nb, looks
    return cases


def _points(exercises):
    got, most = (sum(getattr(e, name) or 0 for e in exercises) for name in ("points", "maximum"))
    return f"{got:g} of {most:g} points"


def _lost(each):
    return (each.points or 0) < each.maximum


def _says(each):
    return each.findings[0]["message"] if each.findings else each.card or "nothing"


def _right(got, verdict):
    problems = [f"{e.name} should pass. It says: {_says(e)}" for e in got.values() if _lost(e)]
    return f"{_points(got.values())} ({verdict.seconds:.0f} s)", problems


def _untouched(got, verdict):
    problems = [
        f"{e.name} gives {e.points:g} points for nothing. It should ask for a name that only an "
        "answer defines."
        for e in got.values()
        if e.points
    ]
    problems += [
        f"{e.name} should say of a notebook without answers that there is none. It says: {_says(e)}"
        for e in got.values()
        if not e.points and [f["cause"] for f in e.findings[:1]] != [Cause.NOT_ANSWERED.name]
    ]
    for text in verdict.notebooks.values():
        for cell in nbformat.reads(text, 4).cells:
            problems += [
                f"the cell that begins with {(cell.source.splitlines() or [''])[0][:60]!r} stops "
                f"without an answer ({one_line(f'{o.ename}: {o.evalue}', 200)}). Only what needs "
                "an open answer may stop, with NotImplementedError."
                for o in cell.get("outputs", ())
                if o.output_type == "error" and o.ename not in _STUBS
            ]
    return _points(got.values()), problems


def _mistaken(mistake, pack, got, verdict):
    expected = {name for other in pack for name in (*other.lost, *other.follows)}
    problems = [
        f"{name} should be lost ({got[name].maximum:g} points), and it passes."
        for name in mistake.lost
        if not _lost(got[name])
    ]
    first = got[mistake.lost[0]]
    if _lost(first) and mistake.sentence not in _says(first):
        problems.append(
            f"{first.name} should say {mistake.sentence!r}. The student reads: {_says(first)}"
        )
    for name in mistake.follows:
        if _lost(got[name]) or not _says(got[name]).startswith("Judged with the official "):
            problems.append(
                f"{name} should fail, and then pass with the official answer (follows). It says: "
                f"{_says(got[name])}"
            )
    others = [other.name for other in pack if other is not mistake]
    problems += [
        f"{e.name} is lost as well ({e.maximum:g} points)"
        + (f", by this mistake or by {' or '.join(others)}" if others else "")
        + f". It says: {_says(e)}"
        for e in got.values()
        if _lost(e) and e.name not in expected
    ]
    costs = sum(got[name].maximum - (got[name].points or 0) for name in mistake.lost)
    return f"−{costs:g} points. {_says(first)}", problems
