"""Fixtures that more than one test file uses."""

import atexit
import gc
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports keras
os.environ["LANGUAGE"] = "en"  # that of the person who runs the tests does not count
# As in the box: the workers share the cores, and more threads would only compete. A library reads
# these when it is imported, and what the tests start has them, too. NPROC is for JAX.
os.environ |= {"OMP_NUM_THREADS": "1", "NPROC": "1"}
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

# The tests neither read nor change what these libraries keep in the home of the person who runs
# them. pytest's workers share the folder of the process that started them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _home = tempfile.mkdtemp(prefix="course-tests-")
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
    os.environ |= {"COURSE_TESTS_HOME": _home, "COURSE_TESTS_PID": str(os.getpid())}
    for _name in ("MPLCONFIGDIR", "IPYTHONDIR", "KERAS_HOME", "JUPYTER_CONFIG_DIR"):
        os.environ[_name] = str(Path(_home, _name.lower()))
        os.mkdir(os.environ[_name])

import course.grading  # noqa: F401 -- first: without what it keeps out, nbformat takes 2 s more

# isort: split
import absl.logging
import matplotlib.font_manager  # noqa: F401 -- makes its list of fonts, before a kernel has to
import pytest

from course.evidence.keras_private import kept_for_this_thread

# When nbgrader sets up logging, Python closes every handler there is; that of absl, which comes
# with TensorFlow, would close the stream it was made with, and that is pytest's.
for _handler in (absl.logging.get_absl_handler(), absl.logging.get_absl_handler().python_handler):
    _handler.close = lambda: None

SPECS = Path(__file__).resolve().parents[2] / "shared" / "facts" / "specs.json"


# `test_container.py` runs tests of the box in the other sandboxes, too.
SANDBOX = os.environ.get("COURSE_TEST_SANDBOX", "bubblewrap")


#: The files that take longest, the longest first. The workers take files in this order; otherwise
#: one of them would run a long file at the end, while the others have nothing to do.
LONGEST = (
    "notebooks/test_browser.py", "grading/test_class.py", "grading/test_damage.py",
    "grading/test_github.py", "grading/test_containers.py", "diagnosis/test_families.py",
    "grading/test_time.py", "grading/test_container.py", "golden/test_golden.py",
    "notebooks/test_banks.py", "notebooks/test_execution.py", "notebooks/test_lectures.py",
    "grading/test_feedback.py", "diagnosis/test_mutations.py", "diagnosis/test_diagnosis.py",
    "grading/test_box.py", "grading/test_grading.py", "grading/test_pack.py",
    "grading/test_attacks.py", "network/test_architectures.py", "test_site.py", "test_wheel.py",
    "test_examples.py", "grading/test_bounds.py", "grading/test_publish.py", "kit/test_data.py",
    "grading/test_repair.py", "grading/test_cluster.py", "grading/test_hand.py",
    "network/test_any_model.py", "grading/test_report.py", "grading/test_late.py",
    "notebooks/test_published_weights.py", "diagnosis/test_explanations.py",
    "check/test_answered.py", "evidence/test_values.py",
)  # fmt: skip


#: Files that several workers may share: what belongs to one network, the first word of a test's
#: parameters, stays together. Those tests look at one notebook that was run, or one graded bank.
IN_PARTS = (
    "notebooks/test_banks.py", "notebooks/test_execution.py", "notebooks/test_lectures.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class InParts(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            network = re.search(r"\[(?:\d\d-)?([a-z]+)", nodeid)
            return f"{file} {network[1]}" if network and file.endswith(IN_PARTS) else file

    return InParts(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def names_go_on():
    """A test that lets Keras count its names from the start fails: it would break another one.

    Layers of other files, made while pytest collected, would share theirs with later layers.
    """
    before = dict(kept_for_this_thread("object_name_uids", {}))
    yield
    after = kept_for_this_thread("object_name_uids", {})
    assert {name for name, count in before.items() if after.get(name, 0) < count} == set()


@pytest.fixture
def weightless():
    """The module keras, in a scope in which building a model allocates nothing."""
    from course.evidence.observe import weightless

    with weightless() as keras:
        yield keras


@pytest.fixture(scope="module")
def browser():
    """A browser of Playwright; while it is open, no other event loop can run."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def specs():
    """Numbers about the networks that were worked out apart from this repository."""
    if not SPECS.exists():
        pytest.skip(f"needs {SPECS}, which is not part of the repository")
    return json.loads(SPECS.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def box():
    """The box for kernels in which this process grades, too."""
    from course.grading.sandbox import outside

    box = outside.box(SANDBOX, outside.usual_backend())
    try:
        _ = box.address
    except outside.BoxError as error:
        if SANDBOX != outside.BUBBLEWRAP:
            raise
        pytest.skip(f"no box on this machine: {error}")
    return box


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course for `room`."""
    from tests.inbox import Room

    return Room(tmp_path_factory.mktemp("course"))


@pytest.fixture
def room(built):
    """A course into which nothing was collected yet."""
    shutil.rmtree(built.folder / "submitted", ignore_errors=True)
    (built.folder / "gradebook.db.intake.json").unlink(missing_ok=True)
    return built


def pytest_collection_finish():
    """Keras collects garbage whenever a weightless scope ends; spare it TensorFlow's own objects.

    That is 0.01 s for a model instead of 0.15 s. And Python itself looks for garbage less often:
    networks, tables and searches have many objects that stay, a tenth of the processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
