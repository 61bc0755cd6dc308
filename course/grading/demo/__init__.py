"""A class of twelve, made up from the bank of answers, and graded from zip to grade sheet."""

import importlib
import json
import random
import shutil
import sys
import zipfile
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

ASSIGNMENT = "02-lenet"


def demo(source, folder, run):
    """Release, collect, grade, feedback and export in a course folder of its own.

    `source` is the course whose solution and bank of answers are used; `run` is the command line.
    """
    if folder.exists():
        shutil.rmtree(folder)
    for name in (ASSIGNMENT,):
        shutil.copytree(source.path("source", name), folder / "solutions" / name)
    shutil.copy(source.root / "nbgrader_config.py", folder)
    here = ["--course", str(folder)]

    def step(title, *arguments):
        print(f"\n── {title}\n   course {' '.join(arguments)}\n", flush=True)
        return run([arguments[0], *here, *arguments[1:]])

    if step("The student version, without answers and hidden tests", "release", ASSIGNMENT):
        return 1  # it has said why, and there is nothing to go on with
    problems = 0
    archive = folder / "submissions.zip"
    write_class(source.root, folder, archive)
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


def write_class(root, folder, archive):
    """Write a Canvas archive of twelve submissions of 02-lenet."""
    bank = load_bank(root, "lenet")
    solution = nbformat.read(root / "solutions" / bank.NOTEBOOK, 4)
    release = nbformat.read(folder / "assignments" / bank.NOTEBOOK, 4)
    mistakes = {mistake.name: mistake for mistake in bank.MISTAKES}
    right = model_answers(solution)

    def wrong(*names):
        return {mistakes[name].cell: mistakes[name].source for name in names}

    def written(answers):
        return answered(release, {**right, **answers})

    submissions = [
        ("abdulaaisha", "lenet.ipynb", written({})),
        ("bergmannjo", "lenet.ipynb", written(bank.RIGHT["sequential"])),
        ("chenwei", "Copy of lenet.ipynb", written(bank.RIGHT["c5 as a convolution"])),
        ("diazlucia", "lenet.ipynb", as_colab_saves(written(bank.RIGHT["subclassed"]))),
        ("eriksenida", "lenet-1.ipynb", with_copied_cell(written(wrong("padded")), "lenet-model")),
        ("fofanamory", "lenet.ipynb", written(wrong("max pooling", "biases forgotten"))),
        ("grecopia", "LATE", written(wrong("not flattened", "signs turned round"))),
        ("haddadsami", "lenet.ipynb", written(wrong("plain tanh"))),
        ("itoren", "lenet.ipynb", written(wrong("all maps connected", "maps first"))),
        ("jonesbo", "lenet.ipynb", written(wrong("classes written as a number"))),
        ("kowalskaola", "lenet.ipynb", written(wrong("output trained", "still average pooling"))),
        ("lopezana", "lenet.ipynb", release),
    ]
    draw = random.Random(1998)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, file, nb in submissions:
            late, file = ("LATE_", "lenet.ipynb") if file == "LATE" else ("", file)
            student, submission = draw.randint(10_000, 99_999), draw.randint(100_000, 999_999)
            entry = zipfile.ZipInfo(f"{name}_{late}{student}_{submission}_{file}")
            entry.date_time = (2026, 11, 20, 23, 4, 0)
            packed.writestr(entry, json.dumps(nb, ensure_ascii=False, indent=1))


def load_bank(root, name):
    """The module tests/bank/<name>.py of the course's repository."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(Path(root)))
    return importlib.import_module(f"tests.bank.{name}")


def model_answers(solution):
    """{answer cell: source} of a source notebook, without the marks around the solution."""
    return {
        cell.metadata.nbgrader["grade_id"]: "\n".join(
            line for line in cell.source.splitlines() if "### " not in line
        )
        for cell in solution.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def answered(release, answers):
    """The released notebook as a student hands it in who wrote these answers."""
    nb = deepcopy(release)
    for cell in nb.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
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
    """What Google Colab makes of a notebook when a student runs and saves it there.

    Blanks at line ends go, cell ids move into the metadata, a badge cell comes first, widgets are
    stored without their state, and outputs carry addresses of their own.
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
            cell.outputs = [
                nbformat.from_dict(
                    {
                        "output_type": "error",
                        "ename": "NameError",
                        "evalue": "name 'x' is not defined",
                        "traceback": ["NameError"],
                        "errorDetails": {"actions": []},
                    }
                )
            ]
    nb.metadata["colab"] = {"provenance": [], "gpuType": "T4", "include_colab_link": True}
    nb.metadata["accelerator"] = "GPU"
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"1": {}}}
    nb.nbformat_minor = 0
    return nb
