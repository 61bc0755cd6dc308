"""The answers of a class, and of other folders, with their fingerprints and wrong findings."""

import gc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from course.diagnosis import Cause
from course.grading import CONFIG, CourseError
from course.grading.folder import CourseFolder
from course.grading.grade import cores
from course.grading.inbox.intake import groups
from course.grading.notebook.source import read_source
from course.grading.out.fingerprints import fingerprints
from course.grading.results import read_judged
from course.grading.verdict.outputs import verdicts_in
from course.notebook import renamed, symbols
from course.notebook.official import grade_id
from course.notebook.repair import repair
from course.notebook.whole import is_whole

FINDINGS = "the same wrong findings"
_RARE = 0.05  # of the class: a finding that more have is not compared


@dataclass
class Work:
    """One submission: its answers, and the fingerprints of each with their lines."""

    name: str
    answers: dict = field(default_factory=dict)  # {exercise: text}
    prints: dict = field(default_factory=dict)  # {exercise: {fingerprint: lines}}
    place: tuple | None = None  # where it lies below the folder it was compared from, if from one
    others: tuple = ()  # of the student's group, who handed in the same file

    @property
    def whose(self):
        """The student, or all members of the group."""
        return ", ".join((self.name, *self.others))


def works_of(course, assignment, official, also, progress):
    """([Work], the number of submissions of this course without an answer of its own)."""
    members = {name: others for name, *others in groups(course, assignment)}
    places = [(name, None, course.path("submitted", assignment, name)) for name in members]
    for folder in also:
        places += _beside(Path(folder), assignment, len(official))
    own = _Reader(official, [read_source(path) for path in course.notebooks(assignment)])
    folders = [folder for _, _, folder in places]
    read = []
    # Syntax trees and notebooks leave hardly any cycles; to look for them takes a fifth longer.
    with ProcessPoolExecutor(cores(), initializer=gc.disable) as pool:
        for found in pool.map(own.read, folders, chunksize=25):
            read.append(found)
            progress(len(read), len(folders), None)
    works = [
        Work(name, *found, place, tuple(members[name] if place is None else ()))
        for (name, place, _), found in zip(places, read, strict=True)
        if any(found[1].values())
    ]
    for folder in also:
        if not any(work.place and work.place[0] == str(folder) for work in works):
            raise CourseError(
                f"{folder} holds no answer to {assignment}. It should be a course folder, or hold "
                "a file or folder for each submission, with the notebook as it was handed in."
            )
    return works, len(members) - sum(work.place is None for work in works)


def _beside(folder, assignment, notebooks):
    """(name, place, path) of each submission in another course's folder, or any other folder.

    A folder with more than this number of notebooks is one into which an LMS put everybody's files;
    each file in it is a submission.
    """
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}.")
    top, roots = folder, [folder]
    if (folder / CONFIG).exists():
        top = folder / CourseFolder(folder).directory.submitted_directory
        roots = sorted(top.glob(f"*/{assignment}")) or [top]
    files = {}
    for path in sorted(path for root in roots for path in renamed.files_below(root)):
        if path.suffix == ".ipynb" and path.name[0] != ".":
            files.setdefault(path.parent, []).append(path)
    for parent, found in files.items():
        for path in found if len(found) > notebooks else [parent]:
            parts = path.relative_to(top).parts
            yield "/".join((folder.name, *parts)), (str(folder), *parts), path


class _Reader:
    """Reads submissions of an assignment; what everybody was given leaves no fingerprint."""

    def __init__(self, official, sources):
        self.official = official
        cells = [cell for release in official.values() for cell in release.values()]
        self.asked = frozenset(name for cell in cells for name in cell.names)
        plain = [text for release in official.values() for text in release.plain.values()]
        given = [*plain, *(cell.released for cell in cells)]
        self.defined = frozenset().union(*(symbols.bound(text) or () for text in given))
        for release in official.values():
            _ = release.by_key, release.own_names  # kept here, and not made by each process again
        self.given = set()
        texts = [(cell.released, cell.type == "code") for cell in cells]
        texts += [(cell.source, cell.cell_type == "code") for nb in sources for cell in nb.cells]
        for text, code in texts:
            self.given.update(fingerprints(text, code, shared=self.asked))

    def read(self, path):
        """({exercise: text}, {exercise: {fingerprint: lines}}) of the answers that can be read."""
        answers, helpers, contents = {}, set(), {}
        with suppress(OSError):
            contents = renamed.contents(path, self.official)
        for found in renamed.read_submission(contents, self.official):
            official = self.official[found.name]
            for cell in _repaired(found.nb, official) if found.nb is not None else ():
                known = official.get(grade_id(cell))
                if cell.cell_type == "code" and (known is None or known.solution):
                    helpers |= symbols.bound(cell.source) or frozenset()
                if known is not None and known.solution and known.is_answered(cell.source):
                    answers[known.name] = (cell.source, known.type == "code")
        own, prints = frozenset(helpers - self.defined - self.asked), {}
        for exercise, (text, code) in answers.items():
            found = fingerprints(text, code, own, self.asked)
            prints[exercise] = {key: at for key, at in found.items() if key not in self.given}
        return {exercise: text for exercise, (text, _) in answers.items()}, prints


def _repaired(nb, official):
    """The cells of a notebook as they are graded."""
    return (nb if is_whole(nb, official) else repair(nb, official)[0]).cells


def add_findings(course, assignment, works):
    """Add the wrong findings of this course's graded works, if they are rare. Returns how many."""
    graded = 0
    for work in works:
        if work.place is not None:
            continue
        folder, said = course.path("autograded", assignment, work.name), {}
        for nb in filter(None, map(read_judged, sorted(folder.glob("*.ipynb")))):
            graded += 1
            for exercise, verdict in verdicts_in(nb).items():
                if not verdict["passed"]:
                    first = verdict["findings"][0]
                    told = first.get("received") or first["message"]
                    said[exercise, first["row"], first["cause"], told] = ()
        work.prints[FINDINGS] = {key: () for key in said if key[2] != Cause.NOT_ANSWERED.name}
    count = counts(works)
    for work in works:
        said = work.prints.get(FINDINGS, {})
        rare = {key for key in said if count[key] <= max(2, _RARE * len(works))}
        work.prints[FINDINGS] = dict.fromkeys(rare, ())
    return graded


def counts(works):
    """{fingerprint or finding: in how many works it is}."""
    return Counter(key for work in works for key in set().union(*work.prints.values()))
