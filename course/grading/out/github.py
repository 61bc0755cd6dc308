"""What a repository on GitHub needs to judge an assignment: Classroom 50's bundle, or a workflow.

Students can read both, and Classroom 50's bundle is public. So nothing goes in that they have not
read already, except the grader itself.
"""

import json
import re
import sys
from importlib.resources import files

from course.grading import CourseError, pack
from course.grading.out.wheel import constraints, lean, wheel

MOST = 10_000_000  # bytes of a bundle that Classroom 50 fetches
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,38}")  # Classroom 50's, and safe in a shell and in YAML
_NOTE = (
    "This is what the checks in the notebook say. Your instructor may grade with more tests, "
    "and by hand."
)


def classroom50(job):
    """{path: bytes} of the folder autograders/ASSIGNMENT in a classroom's repository.

    Raises CourseError if the assignment's name does not fit, or the bundle is too large.
    """
    outputs = {"result.json": "classroom50", "release-body.md": "md", **_page(job, "feedback.html")}
    bundle, about = _bundle(job)
    bundle["autograder.py"] = _template("autograder.txt", about, json.dumps(outputs))
    runtime = {"runs-on": "ubuntu-24.04", "python": about["PYTHON"]}
    bundle["runtime.json"] = f"{json.dumps(runtime, indent=1)}\n".encode()
    if (size := sum(map(len, bundle.values()))) > MOST:
        raise CourseError(
            f"The bundle of {job.assignment} has {size / 1e6:.0f} MB, and Classroom 50 takes "
            f"{MOST / 1e6:.0f} MB. Make the files beside the notebook smaller: "
            f"{', '.join(sorted(job.files, key=lambda name: -len(job.files[name]))[:3])}."
        )
    return bundle


def workflow(job):
    """{path: bytes} of the files in a repository whose workflow judges the assignment.

    Raises CourseError if the assignment's name does not fit.
    """
    outputs = {"verdict.json": "json", **_page(job, "feedback.html"), "verdict.md": "md"}
    lines = [
        f'            --format {form} --to "$RUNNER_TEMP/verdict/{name}"'
        for name, form in outputs.items()
    ]
    bundle, about = _bundle(job)
    files = {f".github/course/{name}": content for name, content in bundle.items()}
    made = _template("workflow.yml", about, " \\\n".join(lines))
    return {**files, f".github/workflows/{job.assignment}.yml": made}


def _page(job, name):
    return {name: "html"} if len(job.official) == 1 else {}  # the page shows one notebook


def _bundle(job):
    """({file name: bytes} of what every grader needs, {word of a template: what stands for it})."""
    if not _NAME.fullmatch(job.assignment):
        raise CourseError(
            f"The name {job.assignment!r} cannot be one on GitHub: it should have 2 to 39 small "
            "letters, digits and hyphens, and not begin with a hyphen. Rename its folder."
        )
    (own, extras), (name, content) = lean(job), wheel()
    bundle = {
        f"{job.assignment}.course": pack.packed(pack.released(own)),
        name: content,
        "constraints.txt": constraints(),
    }
    return bundle, {
        "ASSIGNMENT": job.assignment,
        "WHEEL": name,
        "EXTRAS": extras,
        "NOTE": _NOTE,
        "PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def _template(name, about, outputs):
    text = files("course.grading").joinpath("templates/github", name).read_text(encoding="utf-8")
    said = {**about, "OUTPUTS": outputs}
    return re.sub(r"@([A-Z]+)@", lambda found: said[found[1]], text).encode()
