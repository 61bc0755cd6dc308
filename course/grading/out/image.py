"""What a platform's container needs to judge an assignment: pack, wheel, versions, programs.

`image(job, platform, ...)` is {path: bytes} of all that an instructor hands over. The layouts are
those of the platforms' documentation: Gradescope's autograder specifications, PrairieLearn's
external grading, Coursera's custom graders.
"""

import json
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from jinja2 import Environment, PackageLoader, StrictUndefined
from traitlets.config import Config

from course.grading import CourseError, pack
from course.grading.notebook.tables import code_in
from course.grading.out.formats import FORMATS
from course.grading.out.wheel import PACKAGE, constraints, lean, wheel
from course.grading.sandbox import outside
from course.grading.verdict import not_graded, number
from course.grading.verdict.judge import Judge
from course.language import _, speaking

SOLUTION = "the solution"  # the student as whom it is tried; no student's id has a blank
_MARGIN = 30  # seconds for the start of the grader, and for its result when it gives up
#: What a container needs; docs/gradescope.md has the measurements.
_MEMORY = {outside.JAX: "1.5 GB", outside.TENSORFLOW: "3 GB"}


@dataclass(frozen=True)
class Platform:
    """A place that runs a container for each submission."""

    name: str
    form: str  # its name in FORMATS; also that of its instructions in templates/container/
    home: str  # where the container holds the pack
    submission: str
    result: str
    closed: str  # what student code must not read
    program: str = "run"
    people: str = ""  # the file that says who hands in: {"users": [{"sid": …, "email": …}]}


GRADESCOPE = Platform(
    "Gradescope", "gradescope", "/autograder/source", "/autograder/submission",
    "/autograder/results/results.json",
    "/autograder/source /autograder/results /autograder/submission "
    "/autograder/submission_metadata.json",
    "run_autograder",
    "/autograder/submission_metadata.json",
)  # fmt: skip
PRAIRIELEARN = Platform(
    "PrairieLearn", "prairielearn", "/grade/tests", "/grade/student",
    "/grade/results/results.json",
    "/grade/tests /grade/results /grade/student /grade/data /grade/serverFilesCourse",
)  # fmt: skip
COURSERA = Platform(
    "Coursera", "coursera", "/grader", "/shared/submission", "/shared/feedback.json",
    "/grader /shared",
)  # fmt: skip


def image(job, platform, minutes, solved, tag=None):
    """{path: bytes} for a platform that ends a grading after so many minutes.

    `solved` is {notebook: NotebookNode} of the solution; the grader is tried on it when it is set
    up. `tag` is the name of the image at PrairieLearn, which fetches images from a public place. So
    there the pack lies with the question, and the image holds the grader alone.

    Raises CourseError if the assignment has variants, and the platform names no student.
    """
    job, extras = lean(job)
    if job.codes is not None and not platform.people:
        raise CourseError(
            f"{job.assignment} has a variant for each student, and {platform.name} does not tell "
            "its grader whose submission it is. Collect the notebooks, and judge them in this "
            "folder: course collect, course grade."
        )
    if job.codes is not None:
        code = next(filter(None, map(code_in, solved.values())))
        job = replace(job, codes={**job.codes, SOLUTION: code})
    name, wheel_ = wheel()
    about = {
        "job": job, "platform": platform, "minutes": minutes, "within": 60 * minutes - _MARGIN,
        "wheel": name, "extras": extras, "pack": f"{job.assignment}.course", "tag": tag,
        "results": str(Path(platform.result).parent), "solved": not tag,
        "solution": SOLUTION if job.codes is not None else "",
        "exercises": _exercises(job), "number": number,
        "memory": _MEMORY[job.config["Judge"]["backend"]],
    }  # fmt: skip
    setup = {"setup.sh": _text("setup.sh", about), "constraints.txt": constraints(), name: wheel_}
    answers = Judge(config=Config(job.config)).follow_through
    with speaking(job.language):
        not_yet = not_graded(job, _(pack.NOT_YET))
    graded = {
        platform.program: _text("run", about),
        about["pack"]: pack.packed(job, answers),
        "not-graded.json": FORMATS[platform.form](not_yet).encode(),
    }
    files = {"README.md": _text(f"{platform.form}.md", about)}
    tries = {f"solved/{name}.ipynb": nbformat.writes(nb).encode() for name, nb in solved.items()}
    if platform is GRADESCOPE:
        return {**files, **setup, **graded, **tries}
    docker = {"Dockerfile": _text("Dockerfile", about)}
    if platform is COURSERA:
        return {**docker, **files, **setup, **graded, **tries}
    question = f"questions/{job.assignment}"
    files[f"{question}/info.json"] = _question(job, about)
    files[f"{question}/question.html"] = _text("question.html", about)
    files |= {f"{question}/tests/{path}": content for path, content in graded.items()}
    return files | {f"image/{path}": content for path, content in {**docker, **setup}.items()}


def _text(template, about):
    environment = Environment(
        loader=PackageLoader("course.grading", "templates/container"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    return environment.get_template(template).render(about).encode()


def _exercises(job):
    """{"judged": their points, "by_hand": [(name, points, rubric), ...]} of all notebooks.

    The rubric is the locked text right above the answer, "" if there is none.
    """
    judged, by_hand = 0, []
    for release in job.official.values():
        above = None
        for cell in release.values():
            if cell.is_test:
                judged += cell.points
            elif cell.points is not None:
                rubric = above.source if above and above.locked and above.type != "code" else ""
                by_hand.append((cell.name, cell.points, rubric))
            above = cell
    return {"judged": judged, "by_hand": by_hand}


def _question(job, about):
    """PrairieLearn's info.json of the question."""
    info = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PACKAGE}/{job.assignment}")),
        "title": job.assignment,
        "topic": "Convolutional networks",
        "type": "v3",
        "singleVariant": True,
        "gradingMethod": "External",
        "externalGradingOptions": {
            "enabled": True,
            "image": about["tag"],
            "entrypoint": f"{PRAIRIELEARN.home}/{PRAIRIELEARN.program}",
            "timeout": 60 * about["minutes"],
            "enableNetworking": False,
        },
    }
    return (json.dumps(info, indent=2) + "\n").encode()
