"""One submission of 04-vgg from a cold start: `course judge`, otter and nbgrader in one run.

    python benchmarks/judge.py --otter build/otter    the venv is made there if it is missing
    python benchmarks/judge.py                        without otter

All grade the same notebook, the solution, with the same checks. `course judge` does so with
TensorFlow in the box and with JAX. For otter each test cell becomes a question; its tests run in
the student's process, as `nbgrader autograde` runs them in the student's kernel. Otter gets a
virtual environment of its own, which sees the packages of this one.

The processor time and the memory (PSS) are those of the command and of all processes below it,
looked at four times a second. So the last quarter of a second of a process may be missing. Other
programs on the machine change the seconds on the clock.
"""

import argparse
import contextlib
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from grading import PROGRAMS, STOCK_CONFIG, make_class
from nbformat.v4 import new_code_cell, new_raw_cell

ASSIGNMENT = "04-vgg"


def main():
    options = _options()
    otter = options.otter and _otter(options.otter.absolute())
    with tempfile.TemporaryDirectory(prefix="course-benchmark-") as folder:
        ours, stock = Path(folder, "ours"), Path(folder, "stock")
        (notebook,) = make_class(ours, ASSIGNMENT, 1)
        make_class(stock, ASSIGNMENT, 1, STOCK_CONFIG)
        commands = {}
        for backend in ("tensorflow", "jax"):
            with open(ours / "nbgrader_config.py", "a") as file:
                file.write(f"\nc.Judge.backend = {backend!r}\n")
            subprocess.run(
                [PROGRAMS / "course", "pack", ASSIGNMENT, "--to", f"{backend}.course"],
                cwd=ours, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            judge = [PROGRAMS / "course", "judge", "--pack", f"{backend}.course", notebook]
            commands[f"course judge, {backend}"] = [*judge, "--to", f"{backend}.json"], ours
        if otter:
            commands["otter run"] = _as_otter(otter, notebook, Path(folder, "otter"))
        commands["nbgrader autograde"] = [PROGRAMS / "nbgrader", "autograde", ASSIGNMENT], stock
        print(f"{'':26}  seconds  of processor   memory at most")
        first = None
        for name, (command, where) in commands.items():
            found = measured(command, where)
            first = first or found
            ratios = " / ".join(
                f"{value / one:.1f}" for value, one in zip(found, first, strict=True)
            )
            seconds, busy, memory = found
            print(f"{name:26}{seconds:9.1f}{busy:14.1f}{memory / 1e6:14.0f} MB   × {ratios}")


def measured(command, folder):
    """(seconds, seconds of processor time, bytes of memory at most) of all its processes."""
    begun, busy, most, looks = time.monotonic(), {}, 0, 0
    with tempfile.TemporaryFile() as said:
        process = psutil.Popen(command, cwd=folder, stdout=said, stderr=said)
        while process.poll() is None:
            looks, memory = looks + 1, 0
            with contextlib.suppress(psutil.Error):
                for member in [process, *process.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error):
                        used = member.cpu_times()
                        busy[member.pid, member.create_time()] = used.user + used.system
                        memory += member.memory_full_info().pss
            most = max(most, memory)
            time.sleep(0.25)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{command} failed:\n{said.read().decode(errors='replace')[-3000:]}")
    return time.monotonic() - begun, sum(busy.values()), most


def _otter(folder):
    """The program `otter` of a virtual environment, made if it is missing."""
    program = folder / "bin" / "otter"
    if not program.exists():
        print(f"Making {folder} ...")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", "otter-grader"], check=True)
    python = folder / "bin" / "python"
    print_path = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", print_path], capture_output=True, text=True, check=True)
    ours = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    Path(site.stdout.strip(), "of-the-course.pth").write_text(ours)
    return program


def _as_otter(otter, notebook, folder):
    """(command, folder) that grades the notebook as an assignment of otter."""
    folder.mkdir()
    nb = nbformat.read(notebook, 4)
    cells = [new_raw_cell("# ASSIGNMENT CONFIG\ntests:\n  ok_format: false\nexport_cell: false")]
    for cell in nb.cells:
        meta = cell.metadata.pop("nbgrader", {})
        if not (meta.get("grade") and meta["locked"]):
            cells.append(cell)
            continue
        name = meta["grade_id"].replace("-", "_")
        about = f"# BEGIN QUESTION\nname: {name}\npoints: {meta['points']}"
        test = f"def test_{name}(env):\n    exec({cell.source!r}, env)\n\ntest_{name}(globals())"
        # otter wants something to answer in each question; the answers stand above.
        empty = ["# BEGIN SOLUTION", new_code_cell("..."), "# END SOLUTION"]
        parts = [
            about,
            *empty,
            "# BEGIN TESTS",
            new_code_cell(test),
            "# END TESTS",
            "# END QUESTION",
        ]
        cells += [new_raw_cell(part) if isinstance(part, str) else part for part in parts]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=nb.metadata), folder / "vgg.ipynb"
    )
    made = subprocess.run(
        [otter, "assign", "--no-run-tests", "--no-pdfs", "vgg.ipynb", "made"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        sys.exit(f"otter assign failed:\n{made.stdout}{made.stderr}")
    (archive,) = folder.glob("made/autograder/*.zip")
    submission = folder / "made" / "autograder" / "vgg.ipynb"
    skip = ["env", "NBGRADER_EXECUTION=autograde"]  # what is not graded is not run
    return [*skip, otter, "run", "--no-logo", "-a", archive, "-o", folder, submission], folder


def _options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--otter", type=Path, metavar="FOLDER", help="its virtual environment")
    return parser.parse_args()


if __name__ == "__main__":
    main()
