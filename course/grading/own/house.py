"""The style of this course, which is asked of a source notebook that can be released.

Each function takes a notebook and returns sentences about what should be mended. `STYLE` lists
them all, `course try` shows the sentences, and the tests ask the same of the course's notebooks.
"""

import ast
import re
from collections import Counter
from importlib.resources import files

from course.evidence.syntax import tree_of
from course.grading.notebook.problems import progress_in
from course.grading.out.publish import secrets, without_secrets
from course.grading.own.prose import answers_folded, questions_answered
from course.notebook.official import grade_id
from course.notebook.symbols import bound

PARTS = ("Goal", "Derive", "Build", "Check", "What you should see")
POINTS = 100
_STOPS = {"setup", "imports", "progress"}  # cells after whose error nothing is run
_LONGEST = 40  # lines of a cell
_PART = re.compile(rf"^\*\*({'|'.join(PARTS)})\.\*\*", re.MULTILINE)
_SETUP = re.compile(r"^```python setup locked\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_SETTINGS = re.compile(r'REPOSITORY = ".*?"|course\.setup\(.*?\)')
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)
_TABLE = re.compile(r"^\|(.*)\|\n\|[-:| ]+\|$", re.MULTILINE)
_NO_TEXT = re.compile(r"!\[\s*\]|<img\b(?![^>]*\balt=[\"'][^\"'])", re.IGNORECASE)
_BUT_HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS.*?^ *### END HIDDEN TESTS$", re.M | re.S)


def template(name):
    """The text of a file that `course new` writes, before the names are filled in."""
    folder = files("course.grading").joinpath("templates/new")
    return folder.joinpath(name).read_text(encoding="utf-8")


def points(nb):
    """The exercises have 100 points together, and each stands below a heading that says its own."""
    said, exercises, outside = 0, Counter(), []
    for cell in nb.cells:
        if _is_heading(cell):
            found = re.search(r"\((\d+) points?\)", cell.source.splitlines()[0])
            said = found and cell.source.splitlines()[0]
        if worth := _of(cell).get("points") if _of(cell).get("grade") else None:
            exercises[said] += worth
            outside += [] if said else [grade_id(cell)]
    problems = [
        f"{name} stands below no heading with points, such as '## 3 · A block (12 points)'."
        for name in outside
    ]
    if (total := exercises.total()) != POINTS:
        problems.append(f"its exercises have {total:g} points together; it should be {POINTS}.")
    return problems


def five_parts(nb):
    """Each exercise has its Goal, Derive, Build, Check and What you should see."""
    problems = []
    for heading, cells in _exercises(nb).items():
        found = []
        for cell in cells:
            if cell.cell_type == "markdown":
                found += _PART.findall(cell.source)
            if _of(cell).get("grade"):  # by a test, or by a person
                found.append("Check")
        if missing := [part for part in PARTS if part not in found]:
            problems.append(
                f"{heading!r} has no part {', '.join(missing)}: begin a paragraph of its text with "
                f"**{missing[0]}.**"
                if missing != ["Check"]
                else f"{heading!r} has no check: add a locked cell with points below its answer."
            )
        elif (found[0], found[-1]) != (PARTS[0], PARTS[-1]):
            problems.append(
                f"{heading!r} should begin with its Goal and end with What you should see. It "
                f"begins with {found[0]} and ends with {found[-1]}."
            )
    return problems


def progress(nb):
    """The last cell of code shows the points of every check."""
    found = [c for c in nb.cells if c.source.lstrip().startswith("check.progress(")]
    if len(found) != 1 or found[0] is not [c for c in nb.cells if c.cell_type == "code"][-1]:
        return ["its last cell of code should be check.progress({…}), with each check's points."]
    tests = {grade_id(c): _of(c).points for c in _checks(nb) if not _of(c).solution}
    if progress_in(found[0].source) != tests:
        return [f"check.progress should list {tests}, in this order."]
    return []


def cells(nb):
    """Cells have readable names and at most 40 lines. A run goes on after an open exercise."""
    problems = []
    for cell in nb.cells:
        if all(letter in "0123456789abcdef" for letter in cell.id):
            problems.append(
                f"the cell that begins with {_first(cell)!r} has the random id {cell.id}. Name it, "
                'as "id" in the file, so that differences between versions can be read.'
            )
        if cell.cell_type == "code":
            if (length := len(cell.source.splitlines())) > _LONGEST:
                problems.append(f"cell {cell.id} has {length} lines; {_LONGEST} are enough.")
            tagged = "raises-exception" in cell.metadata.get("tags", [])
            if tagged == (cell.id in _STOPS):
                problems.append(
                    f"cell {cell.id} should not have the tag raises-exception: without it nothing "
                    "else can run."
                    if tagged
                    else f"cell {cell.id} should have the tag raises-exception, so that a run of "
                    "all cells goes on after an exercise that is open."
                )
    return problems


def setup(nb):
    """The first cell of code is the course's own, which works in Colab as well."""
    (wanted,) = _SETUP.findall(template("notebook.md"))
    code = [cell.source for cell in nb.cells if cell.id == "setup"]
    if not code or _SETTINGS.sub("", code[0]) != _SETTINGS.sub("", wanted):
        return ["its cell setup differs from the one that `course new` writes. Copy that one."]
    return []


def kernel(nb):
    """It asks for the kernel python3, which Jupyter has everywhere, and so has Colab."""
    name = nb.metadata.get("kernelspec", {}).get("name")
    if name == "python3":
        return []
    return [
        f"its kernel is {name!r}, which students' machines may not have. Choose Kernel > Change "
        'Kernel > Python 3 in JupyterLab, or write "python3" as the name of its kernelspec.'
    ]


def checks(nb):
    """Each answer is checked. No check shows a reference, asks less in grading, or overwrites."""
    problems, asked, written = [], set(), {}
    for cell in _checks(nb):
        name = grade_id(cell)
        if "NBGRADER_EXECUTION" in cell.source:
            problems.append(f"{name} looks at NBGRADER_EXECUTION: it should ask the same of all.")
        if cell.cell_type != "code":
            continue
        tree, shown = tree_of(cell.source), tree_of(_BUT_HIDDEN.sub("", cell.source))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if ast.unparse(call.func).startswith("check.") and call.args:
                asked.add(ast.unparse(call.args[0]))
        for node in ast.walk(shown if shown.body else tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "check.function":
                if "like" in [keyword.arg for keyword in node.keywords]:
                    problems.append(
                        f"{name} shows students a reference (like=). Put it between ### BEGIN "
                        "HIDDEN TESTS and ### END HIDDEN TESTS, and show answers (gives=)."
                    )
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                written[node.id] = name
            elif isinstance(node, ast.FunctionDef):
                written[node.name] = name
    problems += [
        f"{written[name]} overwrites the answer {name}, and would fail when it is run once more."
        for name in sorted(asked & written.keys())
    ]
    words = Counter(w for c in nb.cells for w in set(re.findall(r"[^\W\d]\w*", c.source)))
    problems += [
        f"nothing asks for what the answer {grade_id(cell)} defines: no other cell names it."
        for cell in nb.cells
        if _is_answer(cell) and cell.cell_type == "code" and not _of(cell).get("grade")
        if (made := bound(cell.source)) and all(words[name] < 2 for name in made)
    ]
    return problems


def accelerator(nb):
    """Colab is asked for a GPU if the notebook trains on real data; otherwise it would lie idle."""
    code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    trains = bool(re.search(r'data\.load\(\s*"(mnist|cifar10)"', code))
    if trains and nb.metadata.get("accelerator") != "GPU":
        return ['it trains on data: its metadata should have "accelerator": "GPU", for Colab.']
    if not trains and "accelerator" in nb.metadata:
        return ['it trains on no data: take "accelerator" out of its metadata.']
    return []


def read_aloud(nb):
    """One title, headings without a gap below it; pictures have a text, columns a name."""
    problems, above = [], 0
    for cell in nb.cells:
        text = _FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
        for signs, heading in _HEADING.findall(text):
            level = len(signs)
            if level > above + 1 or (level == 1 and above):
                fit = f"at most {'#' * (above + 1)}" if level > 1 else "##"
                problems.append(f"the heading {heading!r} has {signs}; it should have {fit}.")
            above = level
        if _NO_TEXT.search(text):
            problems.append(
                f"cell {cell.id} has a picture without a text for those who do not see it. Write "
                "what it shows: ![four maps, each with other edges](maps.png)."
            )
        problems += [
            f"cell {cell.id} has a table with a column without a name: {head.strip()!r}."
            for head in _TABLE.findall(text)
            if not all(name.strip() for name in head.split("|"))
        ]
    return problems


STYLE = (
    points, five_parts, progress, cells, setup, kernel, checks, accelerator, read_aloud,
    questions_answered, answers_folded,
)  # fmt: skip


def style_problems(nb):
    """What all functions of `STYLE` say about a notebook."""
    return [sentence for look in STYLE for sentence in look(nb)]


def bank_problems(nb, bank):
    """Each answer has another right way and three mistakes in its bank, and each name is there."""
    answers = [grade_id(c) for c in nb.cells if _is_answer(c) and not _of(c).get("grade")]
    tests = [grade_id(c) for c in _checks(nb) if not _of(c).solution]
    problems = []
    for answer in answers:
        if not any(answer in right for right in bank.RIGHT.values()):
            problems.append(
                f"the bank has no other right way of writing {answer}. The solution is one way; "
                "add what students write instead to RIGHT."
            )
        if (count := sum(mistake.cell == answer for mistake in bank.MISTAKES)) < 3:
            problems.append(f"the bank has {count} mistakes in {answer}; there should be three.")
    named = [cell for right in bank.RIGHT.values() for cell in right]
    named += [mistake.cell for mistake in bank.MISTAKES]
    problems += [
        f"the bank answers the cell {name}, and the notebook has no such answer. It has: "
        f"{', '.join(answers)}."
        for name in dict.fromkeys(named)
        if name not in answers
    ]
    lost = [name for m in bank.MISTAKES for name in (*m.lost, *m.follows)]
    problems += [
        f"the bank says that a mistake costs {name}, and the notebook has no such check. It has: "
        f"{', '.join(tests)}."
        for name in dict.fromkeys(lost)
        if name not in tests
    ]
    names = Counter(mistake.name for mistake in bank.MISTAKES)
    problems += [f"two mistakes have the name {n!r}." for n, count in names.items() if count > 1]
    return problems


def handed_out(notebooks):
    """Sentences about answers that a notebook of the course hands out.

    `notebooks` is {name: source notebook}. Students should get neither the text of an answer or of
    a hidden test, nor a function of an answer's name and arguments.
    """
    given, problems = {}, []
    shown = {name: without_secrets(nb) for name, nb in notebooks.items()}
    for name, nb in notebooks.items():
        for cell in nb.cells:
            if not _is_answer(cell) and not _of(cell).get("grade"):
                given.update((signature, name) for signature in _signatures(cell))
    for name, nb in notebooks.items():
        for cell in filter(_is_answer, nb.cells):
            problems += [
                f"{name}, {grade_id(cell)}: {given[signature]} hands out a function {signature}. "
                "Give the answer's function another name."
                for signature in _signatures(cell)
                if signature in given
            ]
        problems += [
            f"{name}, {grade_id(cell)}: {other} holds the text of its {what}. Take it out there."
            for cell, what, secret in secrets(nb)
            for other, text in shown.items()
            if secret in text
        ]
    return problems


def _of(cell):
    return cell.metadata.get("nbgrader", {})


def _is_answer(cell):
    return bool(_of(cell).get("solution"))


def _checks(nb):
    return [cell for cell in nb.cells if _of(cell).get("grade")]


def _is_heading(cell):
    return cell.cell_type == "markdown" and cell.source.startswith("## ")


def _exercises(nb):
    """{heading: the cells below it and itself} of the headings with points."""
    found, heading = {}, None
    for cell in nb.cells:
        if _is_heading(cell):
            first = cell.source.splitlines()[0]
            heading = first if re.search(r" points?\)", first) else None
        if heading:
            found.setdefault(heading, []).append(cell)
    return found


def _first(cell):
    return (cell.source.splitlines() or [""])[0][:40]


def _signatures(cell):
    body = tree_of(cell.source).body if cell.cell_type == "code" else ()
    made = [node for node in body if hasattr(node, "args")]
    return [f"{node.name}({ast.unparse(node.args)})" for node in made]
