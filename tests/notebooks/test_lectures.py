"""The lectures run offline, say what they show, and are where the coverage page says."""

import re

import nbformat
import pytest

from tests.classroom import LECTURES, ROOT
from tests.notebook import executed as run_notebook

each_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Lectures that were run once, without a network and without data sets."""
    known = {}

    def run(path):
        if path not in known:
            folder = tmp_path_factory.mktemp(path.stem)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TFDS_DATA_DIR", str(folder))
                patch.delenv("NBGRADER_EXECUTION", raising=False)
                known[path] = run_notebook(nbformat.read(path, 4), folder)
        return known[path]

    return run


def outputs(nb):
    return [output for cell in nb.cells for output in cell.get("outputs", [])]


def shown(nb):
    """All that the code cells print, and what their pictures say as text."""
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs(nb))


@each_lecture
def test_a_lecture_runs_offline(path, executed):
    nb = executed(path)
    assert "".join(o.text for o in outputs(nb) if o.get("name") == "stderr") == ""
    pictures = [
        o.data["text/html"] for o in outputs(nb) if "<svg" in o.get("data", {}).get("text/html", "")
    ]
    assert len(pictures) >= 8 and all('aria-label="' in picture for picture in pictures)
    controls = [c for c in nb.cells if c.cell_type == "code" and "figures.explore(" in c.source]
    assert len(controls) >= 2


@each_lecture
def test_every_section_has_a_picture(path):
    """But for the summary, and for the table that is a picture of the course by itself."""
    drawn = {}
    for cell in nbformat.read(path, 4).cells:
        if found := re.search(r"^## (.+)$", cell.source, re.MULTILINE):
            section = drawn.setdefault(found[1], [])
        elif cell.cell_type == "code" and "figures." in cell.source and drawn:
            section.append(cell.id)
    without = {section for section, cells in drawn.items() if not cells}
    assert without <= {"Summary", "The course in one table"}


# Not the 50 of ResNet-50, nor the 86 of IEEE 86.
NUMBER = re.compile(r"(?<![\w.,-])(?<![A-Z]{2} )\d[\d,]*(?:\.\d+)?(?![\w]|\.\d)")


def numbers(prose):
    """Numbers that somebody has counted or measured: decimals, percentages, 10 and more."""
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)|\$[^$]*\$", " ", prose)
    for found in NUMBER.finditer(prose):
        text = found.group().rstrip(",")
        year = re.fullmatch(r"(19|20)\d\d", text)
        percent = prose[found.end() :].lstrip().startswith("%")
        if not year and (percent or float(text.replace(",", "")) >= 10 or "." in text):
            yield text


def _digits(text):
    return text.replace(",", "").replace("_", "")


@each_lecture
def test_numbers_in_the_prose_stand_in_what_is_computed(path, executed):
    """In an output, or in a code cell (where published numbers stand with their source)."""
    nb = executed(path)
    code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    known = {_digits(n) for n in re.findall(r"\d[\d,_]*(?:\.\d+)?", shown(nb) + "\n" + code)}
    # 15.3 in the prose may be 15.315 in a table: rounding is no other number.
    rounded = {f"{float(n):.{places}f}" for n in known if "." in n for places in range(3)}
    missing = {
        cell.id: lost
        for cell in nb.cells
        if cell.cell_type == "markdown" and cell.id not in ("title", "references")
        if (lost := [n for n in numbers(cell.source) if _digits(n) not in known | rounded])
    }
    assert not missing


@pytest.mark.parametrize("path", [LECTURES[5]], ids=lambda path: path.stem)
def test_lecture_06_sees_what_it_says_of_its_insides(path, executed):
    """With seeds 0 to 2: 99 to 100 % of its own class, 30 to 44 % of the next, 99 to 100 %."""
    said = shown(executed(path))
    (own, saliency), (other,) = (
        [int(share) for share in re.findall(rf", {which}: (\d+) %", said)]
        for which in ("its own class", "the next class")
    )
    assert min(own, saliency) >= 95 and other <= 60
    fields = dict(re.findall(r"ResNet-50 (\w+): (\d+) of 224", said))
    measured = re.findall(r"(\w+): measured (\d+) × (\d+) pixels, half .* middle (\d+) ×", said)
    assert [name for name, *_ in measured] == ["conv2_3", "conv3_4", "conv4_6"]
    for name, height, width, half in measured:
        assert int(height) == int(width) == min(int(fields[name]), 224)
        assert int(half) < int(height) / 2
    # The mean and the bias are the logit, and Grad-CAM is the positive part, 64 times smaller.
    exact = re.findall(r"(?:at most|activation map:) (\de-\d+)", said)
    differences = [float(number) for number in exact]
    assert len(differences) >= 3 and max(differences[-3:]) < 1e-3


def test_a_number_that_no_cell_computes_is_found():
    prose = "61,706 parameters of ResNet-50, 42 % of 96, 3 × 3 in 1998: 3.1 times"
    assert list(numbers(prose)) == ["61,706", "42", "96", "3.1"]


@pytest.mark.parametrize("name, least", [("coverage", 51), ("glossary", 40)])
def test_every_section_that_a_page_names_is_there(name, least):
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    headings = {
        path.stem[:2]: set(re.findall(r"^#+ (.+)$", _prose(path), re.MULTILINE))
        for path in LECTURES
    }
    assert len(headings) == 8
    named = 0
    for line in page.splitlines():
        if line.startswith("|"):
            number = None
            for part in re.finditer(r"\b(0\d)\b|\*([^*]+)\*", line):
                number = part.group(1) or number
                if part.group(2):
                    named += 1
                    titles = headings[number]
                    assert part.group(2) in titles, part.group(2)
    assert named >= least


def _prose(path):
    cells = nbformat.read(path, 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
