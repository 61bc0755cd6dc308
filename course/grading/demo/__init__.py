"""The demo: a made-up class of twelve, graded from the LMS's zip file to the grade sheet."""

import json
import random
import re
import shutil
import zipfile
from copy import deepcopy
from importlib.resources import files

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.grading import CONFIG, CourseError
from course.grading.demo.answers import RIGHT, WRONG
from course.notebook.official import grade_id

ASSIGNMENT, NOTEBOOK = "lenet", "lenet.ipynb"


def demo(folder, run):
    """Release, collect, grade, feedback and export in a course folder of its own.

    `folder` may be the one of an earlier demo, which is deleted. `run(arguments)` runs a `course`
    command and returns its exit status.

    Raises CourseError, and deletes nothing, if the folder holds anything else.
    """
    own = files(__name__)
    config, source = folder / CONFIG, folder / "solutions" / ASSIGNMENT / NOTEBOOK
    settings = own.joinpath(config.name).read_bytes()
    if folder.exists():
        _is_a_demo(folder, config, settings)
        for path in folder.iterdir():  # not the folder itself, in which somebody may stand
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    source.parent.mkdir(parents=True)
    text = own.joinpath("lenet.md").read_text(encoding="utf-8")
    nbformat.write(notebook(text), source)
    config.write_bytes(settings)
    here = ["--course", str(folder)]

    def step(title, *arguments):
        print(f"\n── {title}\n   course {' '.join(arguments)}\n", flush=True)
        return run([arguments[0], *here, *arguments[1:]])

    if step("The student version, without answers and hidden tests", "release", ASSIGNMENT):
        return 1  # the command has printed why
    problems = 0
    archive = folder / "submissions.zip"
    write_class(source, folder / "assignments" / ASSIGNMENT / NOTEBOOK, archive)
    problems += step("What twelve students handed in, as Canvas packs it", "collect", str(archive))
    problems += step("Each runs in a kernel, the verdict is made outside", "grade", ASSIGNMENT)
    problems += step("A page for each student", "feedback", ASSIGNMENT)
    problems += step("The scores", "export", "--to", str(folder / "scores.csv"))
    print(
        f"\nGradebook  {folder / 'gradebook.db'}"
        f"\nFeedback   {folder / 'feedback'}/<student>/{ASSIGNMENT}/lenet.html"
        f"\nScores     {folder / 'scores.csv'}"
    )
    return 1 if problems else 0


def _is_a_demo(folder, config, settings):
    """Raise CourseError unless a folder is empty, or has a demo's settings and assignment alone."""
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [folder.name]
    solutions = folder / "solutions"
    assignments = [path.name for path in solutions.iterdir()] if solutions.is_dir() else []
    earlier = config.is_file() and config.read_bytes() == settings and assignments == [ASSIGNMENT]
    if there and not earlier:
        raise CourseError(
            f"{folder} is not from an earlier demo: it holds {', '.join(there[:4])}. "
            "The demo would delete that. Name an empty or a new folder with --to."
        )


def notebook(text):
    """An assignment written in Markdown, as a source notebook.

    A block of code is a cell. The line above it has its id and its kind: "locked", "answer",
    "18 points", or nothing. A line --- begins another cell of text.
    """
    cells = []
    blocks = r"(.*?)^```python (\S+) ?(.*?)\n(.*?)\n```$"
    for above, name, kind, code in re.findall(blocks, text, re.MULTILINE | re.DOTALL):
        for number, part in enumerate(filter(None, re.split(r"^---$", above.strip(), flags=re.M))):
            cell_id = f"above-{name}-{number}" if number else f"above-{name}"
            cells.append(new_markdown_cell(part.strip(), id=cell_id))
        metadata = {} if kind == "locked" else {"tags": ["raises-exception"]}
        if kind:
            of_a_check = kind.endswith(" points")
            metadata["nbgrader"] = {
                "grade": of_a_check, "grade_id": name, "locked": kind != "answer",
                "schema_version": 3, "solution": kind == "answer", "task": False,
            }  # fmt: skip
            metadata["deletable"] = False
            if of_a_check:
                metadata["nbgrader"]["points"] = int(kind.split()[0])
            if kind != "answer":
                metadata["editable"] = False
        cells.append(new_code_cell(code, id=name, metadata=metadata))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=about)


def write_class(source, released, archive):
    """Write a Canvas archive of twelve submissions of a notebook that was released."""
    release = nbformat.read(released, 4)
    right = model_answers(nbformat.read(source, 4))

    def written(answers):
        return answered(release, {**right, **answers})

    def wrong(*names):
        return written({cell: text for name in names for cell, text in WRONG[name].items()})

    submissions = [
        ("abdulaaisha", NOTEBOOK, written({})),
        ("bergmannjo", NOTEBOOK, written(RIGHT["sequential"])),
        ("chenwei", f"Copy of {NOTEBOOK}", written(RIGHT["c5 as a convolution"])),
        ("diazlucia", NOTEBOOK, as_colab_saves(written(RIGHT["subclassed"]))),
        ("eriksenida", "lenet-1.ipynb", with_copied_cell(wrong("padded"), "lenet-model")),
        ("fofanamory", NOTEBOOK, wrong("max pooling", "biases forgotten")),
        ("grecopia_LATE", NOTEBOOK, wrong("not flattened", "four weights a map")),
        ("haddadsami", NOTEBOOK, wrong("plain tanh")),
        ("itoren", NOTEBOOK, wrong("no activation", "maps first")),
        ("jonesbo", NOTEBOOK, wrong("classes written as a number")),
        ("kowalskaola", NOTEBOOK, wrong("one kernel for all maps", "with NumPy")),
        ("lopezana", NOTEBOOK, release),
    ]
    draw = random.Random(1998)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, file, nb in submissions:
            student, submission = draw.randint(10_000, 99_999), draw.randint(100_000, 999_999)
            entry = zipfile.ZipInfo(f"{name}_{student}_{submission}_{file}")
            entry.date_time = (2026, 11, 20, 23, 4, 0)
            packed.writestr(entry, json.dumps(nb, ensure_ascii=False, indent=1))


def model_answers(solution):
    """{answer cell: source} of a source notebook, without the marks around the solution."""
    return {
        grade_id(cell): "\n".join(line for line in cell.source.splitlines() if "### " not in line)
        for cell in solution.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def answered(release, answers):
    """The released notebook with these answers."""
    nb = deepcopy(release)
    for cell in nb.cells:
        if (name := grade_id(cell)) in answers:
            cell.source = answers[name].strip()
    return nb


def with_copied_cell(nb, grade_id):
    """The notebook after one of its locked cells was copied and pasted."""
    nb = deepcopy(nb)
    at = next(i for i, c in enumerate(nb.cells) if c.get("id") == grade_id)
    copy = deepcopy(nb.cells[at])
    copy["id"] = f"{grade_id}-copy"
    nb.cells.insert(at + 1, copy)
    return nb


def as_colab_saves(nb):
    """The notebook as Google Colab saves it after a student ran it there.

    Blanks at line ends are gone, cell ids are in the metadata, a badge cell comes first, widgets
    are stored without their state, and outputs have ids and addresses.
    """
    nb = deepcopy(nb)
    draw = random.Random(5)
    badge = new_markdown_cell('<a href="https://colab.research.google.com/"><img alt="Open"/></a>')
    badge.metadata = {"id": "view-in-github", "colab_type": "text"}
    nb.cells.insert(0, badge)
    for cell in nb.cells:
        cell.pop("id", None)
        cell.source = "\n".join(line.rstrip() for line in cell.source.split("\n"))
        cell.metadata.setdefault("id", "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=12)))
        if cell.cell_type == "code":
            cell.metadata["outputId"] = "out" + cell.metadata["id"]
            cell.metadata["colab"] = {"base_uri": "https://localhost:8080/", "height": 1000}
            cell.execution_count = draw.randint(1, 40)
            text = "name 'x' is not defined"
            error = new_output("error", ename="NameError", evalue=text, traceback=["NameError"])
            error.update(errorDetails={"actions": []})
            cell.outputs = [error]
    nb.metadata["colab"] = {"provenance": [], "gpuType": "T4", "include_colab_link": True}
    nb.metadata["accelerator"] = "GPU"
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"1": {}}}
    nb.nbformat_minor = 0
    return nb
