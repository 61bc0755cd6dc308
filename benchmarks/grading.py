"""How fast a class is graded, against stock `nbgrader autograde` on the same submissions.

    python benchmarks/grading.py               40 submissions of 04-vgg, 4 of them by nbgrader
    python benchmarks/grading.py --stock 40    all 40 by nbgrader too (about ten minutes)
    python benchmarks/grading.py --class 1000 --stock 0 --assignment 02-lenet
    python benchmarks/grading.py --class 20 --stock 0 --backend jax

The class is made of the assignment's bank of answers: right ones in all styles and every typical
mistake, over and over. Stock nbgrader grades one after the other, as it does; it gets the same
notebooks in a course of its own, with its own preprocessors.

The distance to the limit is the processor time of `course grade` for a submission (start, box,
judge and gradebook included), against that of the student's own cells and of the calls that the
checks ask for, in one warm Python. All programs of the machine are counted, so it should be idle.
"""

import argparse
import contextlib
import gc
import io
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PROGRAMS = Path(sys.executable).parent

STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "convnets"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.Execute.timeout = 120
"""


def main():
    from course.grading.sandbox.outside import usual_backend

    options = _options()
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory(prefix="course-benchmark-") as folder:
        ours, stock = Path(folder, "ours"), Path(folder, "stock")
        notebooks = make_class(ours, options.assignment, options.size)
        os.environ["KERAS_BACKEND"] = options.backend
        if options.backend != usual_backend():
            with open(ours / "nbgrader_config.py", "a") as file:
                file.write(f"\nc.Judge.backend = {options.backend!r}\n")
        print(f"{options.assignment}: a class of {len(notebooks)}, {os.cpu_count()} cores")
        seconds, memory, busy = run([PROGRAMS / "course", "grade", options.assignment], ours)
        each = seconds / len(notebooks)
        print(f"course grade        {seconds:7.1f} s   {each:6.2f} s each   "
              f"{memory / 1e9:.2f} GB at most")  # fmt: skip
        rest = steady(ours)
        print(f"  of which a submission, once warm: {rest:.2f} s in its worker (median)")
        (source,) = (ours / "solutions" / options.assignment).glob("*.ipynb")
        least, busy = limit(notebooks[:20], source), busy / len(notebooks)
        print(f"  seconds of one core for a submission: {busy:.2f}, and {least:.2f} for its own "
              f"code alone; distance to the limit {busy / least:.2f}")  # fmt: skip
        if options.stock:
            make_class(stock, options.assignment, options.stock, STOCK_CONFIG)
            program = [PROGRAMS / "nbgrader", "autograde", options.assignment]
            seconds, memory, busy_there = run(program, stock)
            theirs, busy_there = seconds / options.stock, busy_there / options.stock
            print(f"nbgrader autograde  {seconds:7.1f} s   {theirs:6.2f} s each   "
                  f"{memory / 1e9:.2f} GB at most   ({options.stock} submissions)")  # fmt: skip
            print(f"ratio {theirs / each:.1f}; of processor time {busy_there / busy:.1f}")


def make_class(folder, assignment, size, config=None):
    """A course folder with `size` submissions; gives their notebooks."""
    from course.cli import main as course
    from course.grading.demo import answered, model_answers

    sys.path.insert(0, str(ROOT))
    from tests.classroom import load_bank

    shutil.copytree(ROOT / "solutions" / assignment, folder / "solutions" / assignment)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    assert course(["release", "--course", str(folder), assignment]) == 0
    (source,) = (folder / "solutions" / assignment).glob("*.ipynb")
    bank, nb = load_bank(source.stem), nbformat.read(source, 4)
    release = nbformat.read(folder / "assignments" / assignment / source.name, 4)
    right = model_answers(nb)
    variants = [{}, *bank.RIGHT.values(), *({m.cell: m.source} for m in bank.MISTAKES)]
    written = []
    for number, answers in zip(range(size), itertools.cycle(variants), strict=False):
        target = folder / "submitted" / f"student{number:04}" / assignment
        target.mkdir(parents=True)
        nbformat.write(answered(release, {**right, **answers}), target / source.name)
        written.append(target / source.name)
    if config:
        (folder / "nbgrader_config.py").write_text(config)
    return written


def run(command, folder):
    """Seconds of a command, the most memory (PSS) and the processor time of all its processes."""
    begun, busy = time.monotonic(), _processor_time()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(5.0):  # once a second would take a tenth of the time
            total = 0
            family = [psutil.Process(process.pid)]
            for member in itertools.chain(family, family[0].children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += member.memory_full_info().pss
            peak[0] = max(peak[0], total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output = process.communicate()[0]
    done.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{command} failed:\n{output.decode()[-3000:]}")
    return time.monotonic() - begun, peak[0], _processor_time() - busy


def _processor_time():
    """Seconds that all programs of this machine have used: a parent is not told of every fork."""
    used = psutil.cpu_times()
    return used.user + used.system + getattr(used, "nice", 0.0)


def steady(folder):
    """Median of the seconds that a submission took in its worker."""
    seconds = sorted(
        nbformat.read(path, 4).metadata["course"]["seconds"]
        for path in folder.glob("autograded/*/*/*.ipynb")
    )
    return seconds[len(seconds) // 2]


def limit(notebooks, source):
    """Seconds of one core for a submission's own code: nobody can grade it with less.

    `source` is the instructor's notebook: the checks ask what its hidden tests ask, too.
    """
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", MPLBACKEND="agg")
    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    from course.evidence import observe
    from course.grading.sandbox import box
    from course.grading.sandbox.shell import Outputs, Shell
    from course.grading.verdict.testcell import TestCell, imports_of
    from course.notebook.official import official_of

    os.environ["NBGRADER_EXECUTION"] = "autograde"  # what is not graded is not run
    box._warm()  # as warm as the box
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    official = official_of(nbformat.read(source, 4))
    imports = imports_of(official.values())
    shell, seconds = Shell.instance(), []
    for path in [notebooks[0], *notebooks]:  # the first one warms it up
        shell.reset(new_session=False)
        shell.shown = Outputs()
        nb, spent = nbformat.read(path, 4), [0.0]

        def ask(request, spent=spent):
            with _timed(spent), contextlib.suppress(Exception):
                _call(shell.user_ns[request["name"]], request)
            return observe.answer(shell.user_ns, request)

        for cell in nb.cells:
            test = official.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if test and test.points is not None and not test.solution:
                TestCell(test, imports).judged(ask)
            elif cell.cell_type == "code":
                with _timed(spent), contextlib.redirect_stdout(io.StringIO()):
                    shell.run_cell(cell.source)
        seconds += spent
    Shell.clear_instance()
    return sum(seconds[1:]) / len(notebooks)


def _call(subject, request):
    """What a check asks for and no more: the calls, or the network built without weights."""
    from course.evidence import observe
    from course.evidence.values import received

    keywords = received(request.get("kwargs", {}))
    for case in request.get("cases", ()):
        subject(*received(case), **keywords)
    if request["ask"] in ("model", "block"):
        with observe.weightless() as keras:
            given = received(request["args"])
            if request["ask"] == "block":
                given = [keras.Input(tuple(request["input_shape"])), *given]
            subject(*given, **keywords)


@contextlib.contextmanager
def _timed(spent):
    begun = time.process_time()
    yield
    spent[0] += time.process_time() - begun


def _options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assignment", default="04-vgg")
    parser.add_argument("--class", dest="size", type=int, default=40, help="submissions (40)")
    parser.add_argument("--stock", type=int, default=4, help="of them graded by nbgrader (4)")
    parser.add_argument("--backend", default="tensorflow", help="or jax: in the box")
    return parser.parse_args()


if __name__ == "__main__":
    main()
