"""Whose variant is which: each student's code follows from a secret key of the course's folder.

The code is the HMAC-SHA256 of the assignment and the student's id. So nobody computes another's
without the key, which never leaves the folder: a pack holds the codes of its class, and no key.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook

from course.anatomy import anatomy
from course.grading import CourseError
from course.grading.folder import KEY
from course.grading.notebook.tables import has_variants
from course.kit import variant
from course.kit.tables import given
from course.plain import one_line

_BYTES = 32


def key(root, make=False):
    """The key in a course's folder; with `make`, a new one if there is none.

    Raises CourseError if there is none, or none that `make` wrote.
    """
    path = Path(root, KEY)
    if make and not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=root, prefix=f".{KEY}.") as file:  # mode 0600
            file.write(secrets.token_hex(_BYTES))
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process has made one: that one counts
                os.link(file.name, path)
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise CourseError(
            f"There is no {path}, the key from which the codes of the variants follow. If students "
            "have codes already, take the file back from a backup: a new key gives everybody "
            "another code. Otherwise `course variants` makes it, and lists the codes."
        ) from None
    except ValueError:
        found = b""
    if len(found) != _BYTES:
        raise CourseError(
            f"{path} is not the key that `course variants` wrote. Take it back from a backup: "
            "another key would give every student another code."
        )
    return found


def code(root, assignment, student):
    """The code of one student's variant of an assignment."""
    said = f"{assignment}\0{student}".encode()
    digest = hmac.digest(key(root), said, hashlib.sha256)
    return variant.code_of(int.from_bytes(digest))


@dataclass
class Band:
    """The least and the most of each number over many variants of a network."""

    variants: int
    different: int  # networks
    rows: tuple
    parameters: tuple
    macs: tuple

    def __str__(self):
        parts = [f"{' to '.join(map(str, dict.fromkeys(self.rows)))} rows"]
        for name, (least, most) in {"parameters": self.parameters, "MACs": self.macs}.items():
            parts.append(f"{least:,} to {most:,} {name} (× {most / least:.2f})")
        return f"{self.variants} codes give {self.different} networks: {', '.join(parts)}"


def band(texts, drawn):
    """The Band of these codes' tables; `texts` are those of the assignment's tables."""
    with given(texts):
        tables = [variant.drawn(code)[0] for code in drawn]
    found = [anatomy(table) for table in tables]
    numbers = [[each.parameters, each.macs] for each in found]
    spans = [(min(span), max(span)) for span in zip(*numbers, strict=True)]
    rows = [len(table.rows) for table in tables]
    different = {(table.input_shape, table.rows) for table in tables}
    return Band(len(tables), len(different), (min(rows), max(rows)), *spans)


def codes(course, job):
    """{student: code} of the class, also under the students' e-mail addresses.

    None if the Job's assignment has no variants. Students are those in the gradebook, and those
    who handed something in. An address that two students have is nobody's.
    """
    if not any(map(has_variants, job.official.values())):
        return None
    emails, shared = _emails(course)
    ids = sorted({*emails, *course.students(job.assignment)})
    found = {student: code(course.root, job.assignment, student) for student in ids}
    others = {mail: found[id_] for id_, mail in emails.items() if mail and mail not in shared}
    return others | found


def about_the_class(course, job):
    """Sentences for the instructor about what a pack of the Job says of the class, if anything.

    Raises CourseError if the assignment has variants, and there is no class.
    """
    if job.codes is None:
        return []
    if not job.codes:
        raise CourseError(
            f"{job.assignment} has a variant for each student, and the gradebook has no students. "
            "The grader would know nobody. Enter the class first: "
            f"course variants {job.assignment} --roster class.csv"
        )
    said = [
        "It holds the code of each student's variant, with the student's id and e-mail address: "
        "keep it where no student can read it."
    ]
    if shared := sorted(_emails(course)[1]):
        said.append(
            "In the gradebook, several students have one of these e-mail addresses. So the grader "
            f"knows them by their ids alone: {', '.join(map(one_line, shared))}"
        )
    return said


def _emails(course):
    """({student: e-mail address or None}, the addresses that several students have)."""
    with Gradebook(course.database) as gradebook:
        emails = {student.id: student.email for student in gradebook.students}
    owners = defaultdict(set)
    for id_, mail in emails.items():
        for name in filter(None, (id_, mail)):  # an address may be the id of another student
            owners[name.casefold()].add(id_)
    return emails, {
        mail for mail in filter(None, emails.values()) if len(owners[mail.casefold()]) > 1
    }
