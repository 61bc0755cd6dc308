"""A student and an instructor at work in JupyterLab, in a real browser.

Screenshots of what they see are kept in build/screenshots/.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from course.check.file import receipt
from course.grading.folder import CourseFolder
from course.grading.results import read_result
from course.notebook.enclosed import release_in
from tests import axe
from tests.classroom import Classroom

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [  # only who opens a browser imports Playwright, which takes a second
    pytest.mark.skipif(find_spec("playwright") is None, reason="Playwright is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
PARTS = re.compile(r"for part in ([a-z -]+); do")  # of nbgrader, that a Makefile switches off
# What the notebook and the course show. Menus, bars and editors are JupyterLab's, and so is the box
# around an output, which scrolls it: Chromium and Firefox lead the keyboard there by themselves.
OURS = (".jp-RenderedHTML > *", ".jp-RenderedMarkdown > *")
#: Cards of each kind, the second with rows that are folded, then tables and a picture.
SHOWN = """
shapes = {}  # the cell is found by this
from IPython.display import display
from course import figures
from course.anatomy import anatomy
from course.architectures.lenet import LENET5
from course.check.card import Card
from course.diagnosis.causes import Cause, finding

wrong, unanswered = finding("F6", Cause.UNITS, 84, 80), finding("", Cause.NOT_ANSWERED)
for found in ([], [wrong], [unanswered]):
    display(Card("lenet5", found, LENET5, anatomy(LENET5)))
display(LENET5, anatomy(LENET5), figures.architecture(LENET5))
"""
HAS_KERNEL = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return context?.session?.kernel?.status === "idle" && !context.hasNoKernel;
}"""
#: A cell's prompt, and whether cells wait for a kernel that has something to do. One question to
#: the page: each takes as long as the page takes to answer, and no question has it laid out anew.
AT_WORK = """prompt => {
    const all = query => [...document.querySelectorAll(`.jp-Notebook ${query}`)];
    const waits = all(".jp-CodeCell .jp-InputPrompt").some(each => each.textContent.includes("*"));
    const kernels = all(".jp-Notebook-ExecutionIndicator").map(each => each.dataset.status);
    return [prompt.textContent, waits && !kernels.includes("idle")];
}"""
#: JupyterLab as its command starts it, but its kernels are forked from a warm process.
LAB = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from jupyter_client.provisioning import local_provisioner
from tests import warm
del sys.path[0]
local_provisioner.launch_kernel = warm.launch
from jupyterlab.labapp import main
main()
"""
WAIT = 900_000  # milliseconds: something hangs. Whatever is only slow is waited for.


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Classroom(tmp_path_factory.mktemp("lab"))
    for name in ("start.ipynb", "notebooks", "docs"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, room.folder / name)
    return room


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def without(home, parts):
    """Switch parts of nbgrader off, as `jupyter labextension disable` does when `make` sets up."""
    off = {f"@jupyter/nbgrader:{part}": True for part in parts}
    (home / "config" / "labconfig").mkdir(parents=True, exist_ok=True)
    config = home / "config" / "labconfig" / "page_config.json"
    config.write_text(json.dumps({"disabledExtensions": off}))


@pytest.fixture(scope="module")
def lab(room, home):
    """The address of a JupyterLab in the course's folder."""
    tracker = home / "settings" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    # Otherwise only the cells in view are in the page.
    (tracker / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    themes = home / "settings" / "@jupyterlab" / "apputils-extension"
    themes.mkdir(parents=True)
    (themes / "themes.jupyterlab-settings").write_text('{"adaptive-theme": true}')
    without(home, PARTS.search((ROOT / "Makefile").read_text())[1].split())
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_PATH": str(home / "config"),
        "HOME": str(home),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    environment.pop("NBGRADER_EXECUTION", None)
    command = [
        "-c", LAB, "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, *command], cwd=room.folder, env=environment, stderr=log, stdout=log
        )
    try:
        yield _address(server, home)
    finally:
        server.terminate()
        server.wait()


def _address(server, home):
    while server.poll() is None:
        time.sleep(0.25)
        for path in (home / "runtime").glob("jpserver-*.json"):
            try:
                url = json.loads(path.read_text())["url"]
                urllib.request.urlopen(f"{url}api", timeout=5).close()
                return url.rstrip("/")
            except (OSError, ValueError):  # it is not there yet, or half written
                continue
    raise AssertionError((home / "log").read_text()[-3000:])


@pytest.fixture
def page(browser, request, home):
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(WAIT)
    yield page
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{request.node.name}.png")
    # Shown if the test failed: what JupyterLab was waiting for.
    print(kernel(page), prompts(page), (home / "log").read_text()[-3000:], sep="\n")
    page.close()


def shot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def cell_with(page, text):
    """The notebook cell whose source has this text."""
    return page.locator(".jp-Notebook .jp-Cell").filter(has_text=text).first


def write(page, cell, source):
    """Type a new source into a cell, as a student would."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def kernel(page):
    """What JupyterLab says of the notebook's kernel: idle, busy or another of its words."""
    indicators = page.locator(".jp-Notebook-ExecutionIndicator")
    return [each.get_attribute("data-status") for each in indicators.all()]


def prompts(page):
    """The prompts of the code cells: "[*]:" waits, one with a number ran."""
    return page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").all_inner_texts()


def start(page, begin, prompt):
    """Run cells up to the one with this prompt, as a student would.

    JupyterLab says nothing if it loses what is to be run, and then `begin` is done once more: if
    no cell waits, or if cells wait for a kernel that has nothing to do.
    """
    before, end = prompt.inner_text(), time.monotonic() + WAIT / 1000
    while time.monotonic() < end:
        begin()
        lost = 0
        while lost < 12 and time.monotonic() < end:
            now, at_work = prompt.evaluate(AT_WORK)
            if now != before and "*" not in now:
                return
            page.wait_for_timeout(250)
            lost = 0 if at_work else lost + 1
    raise AssertionError(f"The cell does not run: {kernel(page)}, {prompts(page)}")


def run(page, cell):
    """Run a cell, as a student would."""

    def begin():
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")

    start(page, begin, cell.locator(".jp-InputPrompt").first)


def run_all(page):
    """Run all cells by the menu."""

    def begin():
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    start(page, begin, page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").last)


def opened(page, address):
    page.goto(f"{address}?reset")  # without the tabs of the test before, which are in the page, too
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    # The page says "idle" also before there is a kernel. Who runs a cell then is asked to select
    # one, and that starts a second kernel.
    page.wait_for_function(HAS_KERNEL, polling=250)


#: Whether an element looks otherwise than without the keyboard, by a frame, a shadow or a colour.
DIFFERS = """element => {
    element.style.transition = "none";
    const look = () => {
        const style = getComputedStyle(element);
        return [style.outline, style.boxShadow, style.border, style.backgroundColor].join();
    };
    const here = look();
    element.blur();
    const elsewhere = look();
    element.focus({focusVisible: true});
    return here !== elsewhere;
}"""


def tabbed(page, wanted):
    """Press Tab until the keyboard is there, in a place that shows it."""
    for _ in range(300):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate(DIFFERS)
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


def test_a_student_at_work(lab, room, page, tmp_path):
    opened(page, f"{lab}/lab/tree/assignments/02-lenet/lenet.ipynb")
    run_all(page)
    # Unfilled: every check says that it is open, and no error keeps the last cell from running.
    progress = cell_with(page, "check.progress(")
    progress.get_by_text(re.compile(r"0 of 100 points; still open")).first.wait_for()
    assert page.locator(".jp-RenderedText").filter(has_text="NotImplementedError").count()
    check = cell_with(page, "# Exercise lenet-shapes")
    check.get_by_text("is not answered yet").first.wait_for()
    check.scroll_into_view_if_needed()
    shot(page, "student-open")

    answer = cell_with(page, "shapes = {")
    write(page, answer, room.bank.MISTAKES[0].source)
    run(page, answer)
    run(page, check)
    check.get_by_text(re.compile("✗")).first.wait_for()
    assert room.bank.MISTAKES[0].sentence in check.inner_text()
    card = check.locator("[role=status]").first
    assert "✗" in card.inner_text()  # said in words and a mark, not by colour alone
    card.scroll_into_view_if_needed()
    shot(page, "student-wrong")

    write(page, answer, room.right[room.bank.MISTAKES[0].cell])
    run(page, answer)
    run(page, check)
    check.get_by_text(re.compile("✓")).first.wait_for()
    check.locator("[role=status]").first.scroll_into_view_if_needed()
    shot(page, "student-right")
    write(page, answer, SHOWN)
    run(page, answer)
    answer.locator("svg[role=img]").wait_for()
    assert not axe.wrong(page, *OURS)
    answer.scroll_into_view_if_needed()
    shot(page, "shown-light")
    write(page, answer, room.right[room.bank.MISTAKES[0].cell])
    run(page, answer)

    run(page, progress)
    progress.get_by_text(re.compile(r"8 of 100 points; still open")).first.wait_for()
    progress.locator("table").scroll_into_view_if_needed()
    assert not axe.wrong(page, *OURS)
    shot(page, "student-progress")

    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")  # Validate saves, too
    page.get_by_role("button", name="Validate").click()
    said = page.locator(".jp-Dialog")
    said.get_by_text("The following cell failed").first.wait_for()
    shot(page, "student-validate")
    text = said.inner_text()
    assert "# Exercise lenet-count" in text and "There is no answer yet" in text
    assert "# Exercise lenet-shapes" not in text  # that one passed
    page.keyboard.press("Escape")
    said.wait_for(state="detached")

    run(page, progress)
    progress.get_by_text("lenet.ipynb can be handed in, but is not complete").first.wait_for()
    assert "It is as you ran it (saved at " in progress.inner_text()
    path = room.folder / "assignments/02-lenet/lenet.ipynb"
    assert release_in(path.read_bytes())  # JupyterLab has saved what the release encloses
    cells = nbformat.read(path, 4).cells
    assert f"Receipt {receipt(cells)} of " in progress.inner_text()
    shot(page, "student-hands-in")

    page.get_by_role("menuitem", name="File", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download", exact=True).click()
    folder = tmp_path / "handed-in" / "half"  # of nothing but the first exercise
    folder.mkdir(parents=True)
    download.value.save_as(folder / download.value.suggested_filename)
    assert room.course("collect", str(folder.parent), "--from", "folders") == 0
    assert room.course("grade", "02-lenet", "--student", "half") == 0
    result = read_result(CourseFolder(room.folder), "02-lenet", "half")
    assert (result.score, result.repairs) == (8, [])
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        gradebook.remove_student("half")  # another test looks at the first submission
    for step in ("submitted", "autograded"):
        shutil.rmtree(room.folder / step / "half")


def test_what_is_for_instructors_is_not_in_the_students_copy(lab, home, page):
    made = (ROOT / "course/grading/templates/student/Makefile").read_text()
    before = (home / "config/labconfig/page_config.json").read_text()
    for makefile, seen in ((made, 0), ((ROOT / "Makefile").read_text(), 1)):
        without(home, PARTS.search(makefile)[1].split())
        opened(page, f"{lab}/lab/tree/assignments/02-lenet/lenet.ipynb")
        page.get_by_role("button", name="Validate").wait_for()
        assert page.get_by_text("Create Assignment").count() == seen
        menu = page.get_by_role("menuitem", name="Nbgrader", exact=True)
        assert menu.count() == seen
        if seen:
            menu.click()
            page.get_by_role("menuitem", name="Formgrader", exact=True).wait_for()
        assert page.get_by_role("menuitem", name="Assignment List", exact=True).count() == 0
    (home / "config/labconfig/page_config.json").write_text(before)


def test_the_start_page_shows_points(lab, page):
    opened(page, f"{lab}/lab/tree/start.ipynb")
    overview = cell_with(page, "progress.overview()")
    run(page, overview)
    overview.locator("table").wait_for()
    assert "02-lenet" in overview.inner_text() and "of 100" in overview.inner_text()
    doctor = cell_with(page, "doctor();")
    run(page, doctor)
    doctor.get_by_text("Everything that is needed is here.").first.wait_for()
    assert not axe.wrong(page, *OURS)


def test_a_reader_unfolds_an_answer_and_moves_a_window(lab, page):
    opened(page, f"{lab}/lab/tree/notebooks/01-convolution.ipynb")
    text = page.locator(".jp-MarkdownCell").filter(has_text="which pixels are never seen?").first
    answer = text.locator("details p")
    assert not answer.is_visible()
    text.locator("summary").click()
    answer.wait_for(state="visible")
    for code in ("import course", "import keras", "figures.window(photo, kernel"):
        run(page, cell_with(page, code))
    cell = cell_with(page, "figures.window(photo, kernel")
    picture = cell.locator("svg[role=img]").last
    picture.wait_for()
    assert "Row 1, column 3" in picture.get_attribute("aria-label")
    cell.locator(".cm-content").click()
    page.keyboard.press("Escape")  # in the editor, Tab would indent the line
    tabbed(page, cell.locator(".widget-slider .noUi-handle").first)  # position
    page.keyboard.press("ArrowRight")
    cell.locator("svg[aria-label^='Row 1, column 4']").first.wait_for()
    shot(page, "window")


@pytest.mark.parametrize("width", [1300, 420])
def test_cards_and_tables_in_the_dark_and_on_a_narrow_window(lab, room, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
    page.set_default_timeout(WAIT)
    view = "lab" if width > 1000 else "doc"  # without side bars
    opened(page, f"{lab}/{view}/tree/assignments/02-lenet/lenet.ipynb")
    if width < 1000 and page.locator("#jp-left-stack").is_visible():
        page.keyboard.press("Control+b")  # no room for the list of files
        page.locator("#jp-left-stack").wait_for(state="hidden")
    for text in ("import course", "import keras", "shapes = {", "# Exercise lenet-shapes"):
        run(page, cell_with(page, text))
    answer = cell_with(page, "shapes = {")
    write(page, answer, SHOWN)
    run(page, answer)
    answer.locator("svg[role=img]").wait_for()
    assert not axe.wrong(page, *OURS)
    page.keyboard.press("Escape")  # in the editor, Tab would indent the line
    tabbed(page, answer.locator("summary"))
    page.keyboard.press("Enter")
    answer.locator("details[open] table").wait_for(state="visible")
    answer.scroll_into_view_if_needed()
    shot(page, f"shown-dark-{width}")
    answer.locator("svg[role=img]").scroll_into_view_if_needed()
    shot(page, f"picture-dark-{width}")
    cell = cell_with(page, "# Exercise lenet-shapes")
    card = cell.locator("[role=status]").first
    card.wait_for()
    card.scroll_into_view_if_needed()
    shot(page, f"card-dark-{width}")
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width + 1  # nothing hangs out of the window
    page.close()


def test_an_instructor_at_work(lab, room, page):
    room.submit("ada", room.written(**{room.bank.MISTAKES[0].cell: room.bank.MISTAKES[0].source}))
    # The student of the first test has answered it here, and nothing overwrites answers.
    (room.folder / "assignments/02-lenet/lenet.ipynb").unlink(missing_ok=True)
    page.goto(f"{lab}/formgrader")
    page.get_by_role("link", name="02-lenet").first.wait_for()
    page.locator(".glyphicon-education").first.click()
    page.get_by_text("Successfully created").first.wait_for()
    shot(page, "formgrader-generated")
    page.goto(f"{lab}/formgrader/manage_submissions/02-lenet")
    page.locator(".autograde a").first.click()
    page.get_by_text("Successfully autograded").first.wait_for()
    shot(page, "formgrader-autograded")
    page.goto(f"{lab}/formgrader/gradebook/02-lenet/lenet")
    page.locator("td.name a:visible").first.click()
    page.get_by_text("✗").first.wait_for()
    assert room.bank.MISTAKES[0].sentence in re.sub(r"\s+", " ", page.inner_text("body"))
    page.locator("pre", has_text="✗").first.scroll_into_view_if_needed()
    shot(page, "formgrader-reasons")
    assert room.course("feedback", "02-lenet") == 0
    (path,) = (room.folder / "feedback" / "ada").rglob("*.html")
    page.goto(path.as_uri())
    assert room.bank.MISTAKES[0].sentence in page.inner_text("body")
    shot(page, "feedback")


def test_an_answer_is_graded_by_hand_with_its_rubric(lab, room, page):
    source = ROOT / "solutions" / "07-comparison"
    shutil.copytree(source, room.folder / "solutions" / "07-comparison")
    assert room.course("release", "07-comparison") == 0
    nb = nbformat.read(room.folder / "assignments/07-comparison/comparison.ipynb", 4)
    essay = next(cell for cell in nb.cells if cell.id == "ship")
    essay.source = "ResNet-18: 1.8 billion MACs."
    folder = room.folder / "submitted" / "eve" / "07-comparison"
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / "comparison.ipynb")
    assert room.course("grade", "07-comparison") == 0
    page.goto(f"{lab}/formgrader/gradebook/07-comparison/comparison")
    page.locator("td.name a:visible").first.click()
    score = page.locator("input.score#ship")
    score.scroll_into_view_if_needed()
    text = page.inner_text("body")
    assert "What is graded (15 points)" in text and "ResNet-18: 1.8 billion MACs." in text
    shot(page, "formgrader-rubric")
    with page.expect_response(re.compile("/api/grade/")):
        score.fill("11")
        score.press("Tab")
    result = read_result(CourseFolder(room.folder), "07-comparison", "eve")
    assert (result.score, result.manual) == (11, False)
    assert room.course("grade", "07-comparison", "--again") == 0
    assert read_result(CourseFolder(room.folder), "07-comparison", "eve").score == 11
