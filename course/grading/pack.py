"""A pack: one file with all that a verdict needs, but no answer of the model solution.

`write` makes one of a released assignment. `judge` needs nothing else: no course folder, no
gradebook. A pack is as trusted as the program, because its test cells run in the grader.
"""

import importlib.metadata
import json
import platform
import zipfile
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import course
from course.grading import CourseError
from course.grading.folder import write_atomically, zipped
from course.grading.job import Job
from course.grading.sandbox import outside
from course.grading.verdict import Verdict, not_graded
from course.grading.worker import grade_submission
from course.language import N_, _, speaking
from course.network.words import listed
from course.notebook import compare, renamed
from course.notebook.official import Official, Release
from course.plain import one_line

FORMAT = 2
_ABOUT, _BESIDE = "pack.json", "beside/"
_LARGEST = 1_000_000_000  # bytes of an unpacked pack, many times what any has
NOT_YET = N_("It has not been graded yet: the grader is still at work, or it was stopped.")
_LIBRARIES = "keras", "tensorflow", "jax", "nbgrader"


def write(job, path, answers=False):
    """Write a Job into a file. With `answers`, it also holds the solution, for follow-through."""
    write_atomically(Path(path), packed(job, answers))


def packed(job, answers=False):
    """The bytes of the file that `write` writes."""
    about = {
        "format": FORMAT,
        "assignment": job.assignment,
        "kernelspec": job.kernelspec,
        "config": job.config,
        "notebooks": {name: _written(release) for name, release in job.official.items()},
        "solution": job.solution if answers else {},
        "versions": _versions(),
    }
    if job.codes is not None:
        about["codes"] = job.codes
    beside = {f"{_BESIDE}{name}": content for name, content in sorted(job.files.items())}
    return zipped({_ABOUT: json.dumps(about, indent=1, ensure_ascii=False).encode(), **beside})


def released(job):
    """The Job with nothing in it that its students have not read: no answers, no hidden tests.

    Raises CourseError if nothing can be judged without the codes of the students' variants.
    """
    if job.codes is not None:
        raise CourseError(
            f"{job.assignment} has a variant for each student. To judge one, a pack needs the "
            "codes of the class, and students could read those there. Collect the notebooks, and "
            "judge them in this folder: course collect, course grade."
        )

    def shown(cell):
        return replace(cell, source=cell.released, checksum="") if cell.has_hidden else cell

    official = {
        name: Release({key: shown(cell) for key, cell in cells.items()}, cells.plain, cells.above)
        for name, cells in job.official.items()
    }
    return replace(job, official=official, solution={})


def read(path, sandbox=None):
    """The Job in a pack; `sandbox` is one of `outside.SANDBOXES`.

    Raises CourseError if the file is no pack, or of another format.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if sum(part.file_size for part in file.infolist()) > _LARGEST:
                raise ValueError(f"it holds more than {_LARGEST / 1e9:g} GB")
            about = json.loads(file.read(_ABOUT))
            files = {
                name.removeprefix(_BESIDE): file.read(name)
                for name in file.namelist()
                if name.startswith(_BESIDE)
            }
        if about["format"] != FORMAT:
            raise CourseError(
                f"{path} is a pack of format {about['format']}; course {course.__version__} reads "
                f"format {FORMAT}. Make it again with this version: course pack"
            )
        if not about["notebooks"] or any(Path(name).name != name for name in files):
            raise ValueError("it holds no notebook, or a file in a folder of its own")
        job = Job(
            about["assignment"],
            {name: _read(release) for name, release in about["notebooks"].items()},
            about["kernelspec"],
            files,
            about["config"],
            solution={name: list(map(tuple, text)) for name, text in about["solution"].items()},
            codes=about.get("codes"),
        )
        return job.with_judge(sandbox=sandbox) if sandbox else job
    except FileNotFoundError:
        raise CourseError(f"There is no pack {path}. `course pack` makes one.") from None
    except CourseError:
        raise
    except Exception as error:  # a damaged file may raise any error
        raise CourseError(
            f"{path} is not a pack that `course pack` wrote, or it is damaged "
            f"({type(error).__name__}: {error})."
        ) from None


def _written(release):
    """A Release as texts, because another version of Python makes other keys of them."""
    return {
        "cells": [asdict(cell) for cell in release.values()],
        "plain": sorted(release.plain.values()),
        "above": {name: release.plain[key] for name, key in release.above.items()},
    }


def _read(written):
    cells = {cell["name"]: Official(**cell) for cell in written["cells"]}
    above = {name: compare.key(text) for name, text in written["above"].items()}
    return Release(cells, {compare.key(text): text for text in written["plain"]}, above)


def _versions():
    found = {"course": course.__version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def judge(pack, data, judges=None, student=None):
    """The Verdict on a submission.

    `pack` is a pack's path, or the Job that `read` returned. `data` is the bytes of a notebook, or
    {file name: bytes or Path} of all files that were handed in. Whatever is wrong with them is said
    in the Verdict. Without `judges` (a `judges.Judges`), this process's own are used. `student` is
    the id or the e-mail address of the one whose submission it is, for an assignment with variants.

    Raises CourseError if the pack cannot be read, student code cannot be contained here, or it is
    not known whose variant it should be.
    """
    job = pack if isinstance(pack, Job) else read(pack)
    if job is not pack:
        outside.keep_from_students(job.runs_in[0], [pack])
    if isinstance(data, bytes):
        data = {f"{next(iter(job.official))}.ipynb": data}
    contents = renamed.named(data, job.official)
    if not contents:
        there = ", ".join(one_line(name, 100) for name in sorted(data)[:5])
        with speaking(job.language):
            wanted = listed([f"{name}.ipynb" for name in job.official])
            said = (
                _("No notebook was handed in: it should be {files}, and there is only {others}.")
                if there
                else _(
                    "No notebook was handed in: it should be {files}, and there is no file at all."
                )
            )
        return not_graded(job, said.format(files=wanted, others=there))
    for name, content in contents.items():
        if isinstance(content, Path):
            try:
                contents[name] = renamed.start(content)
            except OSError as error:
                with speaking(job.language):
                    said = _("{file} cannot be read: {error}.")
                file = one_line(content.name, 100)
                return not_graded(job, said.format(file=file, error=error.strerror))
    return grade_submission(job, contents, judges, student)


def files_in(paths):
    """{file name: Path} of files, and of the files in folders at any depth.

    Links are left out, and what programs put beside a file (hidden folders, macOS's __MACOSX).
    Files of the same name are called by their paths, as nobody can say which of them counts.
    """
    found = []
    for path in map(Path, paths):
        found += renamed.files_below(path) if path.is_dir() else [path]
    found = {path.resolve(): path for path in filter(renamed.is_file, found)}.values()
    names = {path: renamed.file_name(path.name) for path in found}
    count = Counter(names.values())
    return {name if count[name] == 1 else str(path): path for path, name in names.items()}


def failed(pack, reason):
    """A Verdict for a submission that could not be judged; it names the exercises if it can."""
    try:
        job = read(pack)
        with speaking(job.language):
            return not_graded(job, _(reason))
    except CourseError as error:
        return Verdict(failed=reason if str(error) in reason else f"{reason} {error}")
