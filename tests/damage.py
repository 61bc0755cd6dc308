"""Ways in which a right notebook is damaged on its way to the grader, and mixtures of them.

A notebook is plain JSON here. Styles change how an answer is written, damage to cells moves, splits
and doubles them, damage to the file changes its bytes; no answer is taken out of the file.
"""

import ast
import json
import random
import re
from contextlib import suppress
from copy import deepcopy

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config

from course.grading.demo import answered, model_answers
from course.grading.verdict.testcell import free_names
from course.notebook.enclosed import enclosed
from course.notebook.official import official_of
from course.notebook.symbols import parses


class Assignment:
    """An assignment's release, its right answers and what a gradebook would know about it."""

    def __init__(self, path):
        solution = nbformat.read(path, 4)
        self.answers = model_answers(solution)
        stub, _ = ClearSolutions(config=Config()).preprocess(deepcopy(solution), {})
        self.official = official_of(stub)
        self.release, _ = ClearHiddenTests(config=Config()).preprocess(stub, {})
        self.release.metadata["course"] = {"release": enclosed(self.release, path.stem)}
        self.untouched = nbformat.writes(self.release)
        self.written = nbformat.writes(answered(self.release, self.answers))
        given = [c.source for c in self.official.values() if c.locked and not c.is_test]
        self.used = {
            name: set(free_names(ast.parse(known.source)))
            for name, known in self.official.items()
            if known.is_test
        }
        for used in self.used.values():  # what the release gives uses answers as well
            for text in given:
                if any(f"def {name}(" in text for name in sorted(used)):
                    used.update(free_names(ast.parse(text)))


class Damaged:
    """A notebook while it is damaged: `cells` as JSON, and what is known about the assignment."""

    def __init__(self, assignment, seed):
        self.assignment, self.chance = assignment, random.Random(seed)
        self.data = json.loads(assignment.written)
        self.cells = self.data["cells"]
        for cell in self.cells:
            cell["source"] = "".join(cell["source"])
        self.open = [n for n, c in assignment.official.items() if not c.locked and c.type == "code"]
        self.chance.shuffle(self.open)
        self.done = []

    def next_answer(self):
        """The grade id of an answer that has not been damaged yet."""
        return self.open.pop()

    def at(self, name):
        """Where the cell with this id stands."""
        return next(i for i, cell in enumerate(self.cells) if cell.get("id") == name)

    def test_of(self, name):
        """The index of the first test below an answer."""
        tests = (i for i, c in enumerate(self.cells) if "# Exercise " in c["source"][:12])
        return next(i for i in tests if i > self.at(name))

    def known(self, cell):
        """What the gradebook knows about the cell that this one says it is, if anything."""
        metadata = cell.get("metadata")
        meta = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        return self.assignment.official.get(meta["grade_id"]) if isinstance(meta, dict) else None

    def stub(self, name):
        """The released text of an answer."""
        return self.assignment.official[name].source

    def new(self, text, kind="code", **more):
        """A cell that the student makes."""
        made = {"cell_type": kind, "metadata": {}, "id": f"{self.chance.getrandbits(32):08x}"}
        made |= {"outputs": [], "execution_count": None} if kind == "code" else {}
        return made | {"source": text, **more}

    def copy(self, cell, **changes):
        """A cell as it is pasted."""
        return deepcopy(cell) | {"id": f"{self.chance.getrandbits(32):08x}"} | changes


STYLES, CELLS, ORDER, METADATA, FILES = {}, {}, {}, {}, {}


def _into(table):
    def keep(function):
        table[function.__name__] = function
        return function

    return keep


# --- styles: the same answer, written in another way


def _first_line(nb, pattern, instead):
    cell = nb.cells[nb.at(nb.next_answer())]
    cell["source"] = re.sub(pattern, instead, cell["source"], count=1, flags=re.MULTILINE)


@_into(STYLES)
def without_blanks(nb):
    for cell in nb.cells:
        if cell.get("id") in nb.open:
            cell["source"] = re.sub(r"^(\w+) = ", r"\1=", cell["source"], flags=re.MULTILINE)


@_into(STYLES)
def annotated(nb):
    for cell in nb.cells:
        if cell.get("id") in nb.open:
            cell["source"] = re.sub(r"^(\w+) = ", r"\1: dict = ", cell["source"], flags=re.M)


@_into(STYLES)
def decorated(nb):
    for cell in nb.cells:
        if cell.get("id") in nb.open and cell["source"].startswith("def "):
            cell["source"] = "@(lambda same: same)\n" + cell["source"]


@_into(STYLES)
def in_a_tuple(nb):
    for cell in nb.cells:
        if cell.get("id") in nb.open and re.match(r"\w+ = \{", cell["source"]):
            tree = ast.parse(cell["source"])
            tuples = [
                f"{ast.unparse(s.targets[0])}, _rest = {ast.unparse(s.value)}, 0"
                if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
                else ast.unparse(s)
                for s in tree.body
            ]
            cell["source"] = "\n".join(tuples)


@_into(STYLES)
def with_tabs(nb):
    for cell in nb.cells:
        if cell.get("id") in nb.open:
            cell["source"] = cell["source"].replace("    ", "\t")


@_into(STYLES)
def formatted_anew(nb):
    for cell in nb.cells:
        if cell["cell_type"] == "code" and "get_ipython" not in cell["source"]:
            hint = re.match(r"# Exercise.*\n", cell["source"])
            cell["source"] = (hint[0] if hint else "") + ast.unparse(ast.parse(cell["source"]))


@_into(STYLES)
def by_a_helper_above(nb):
    name = nb.next_answer()
    index = nb.at(name)
    (variable, *_) = sorted(nb.assignment.official[name].names)
    text = nb.cells[index]["source"]
    nb.cells[index]["source"] = re.sub(rf"\b{variable}\b", f"{variable}_by_hand", text)
    nb.cells[index]["source"] += f"\n{variable} = last_step({variable}_by_hand)"
    nb.cells.insert(index, nb.new("def last_step(made):\n    return made\n"))


@_into(STYLES)
def with_magics(nb):
    for cell in nb.cells:
        if cell.get("id") in nb.open:
            cell["source"] = "%matplotlib inline\n" + cell["source"]


# --- damage to cells: copies


@_into(CELLS)
def an_untouched_copy_below(nb):
    name = nb.next_answer()
    index = nb.at(name)
    nb.cells.insert(index + 1, nb.copy(nb.cells[index], source=nb.stub(name)))


@_into(CELLS)
def an_untouched_copy_above_that_runs_last(nb):
    """The answer is in a cell of the student's own above the released one."""
    name = nb.next_answer()
    index = nb.at(name)
    own = nb.new(nb.cells[index]["source"])
    nb.cells[index]["source"] = nb.stub(name)
    nb.cells.insert(index, own)


@_into(CELLS)
def answered_in_a_cell_of_their_own_below_the_test(nb):
    name = nb.next_answer()
    own = nb.new(nb.cells[nb.at(name)]["source"])
    nb.cells[nb.at(name)]["source"] = nb.chance.choice(["", nb.stub(name)])
    nb.cells.insert(nb.test_of(name) + 1, own)


@_into(CELLS)
def answer_and_test_copied_to_the_end(nb):
    name = nb.next_answer()
    answer, test = nb.cells[nb.at(name)], nb.cells[nb.test_of(name)]
    kept = nb.chance.choice([True, False])
    copies = [nb.copy(answer), nb.copy(test)]
    for copy in copies:
        copy["metadata"] = copy["metadata"] if kept else {}
    answer["source"] = nb.stub(name)
    nb.cells += copies


@_into(CELLS)
def a_first_try_that_was_kept(nb):
    name = nb.next_answer()
    index = nb.at(name)
    variables = sorted(nb.assignment.official[name].names)
    first = "\n".join(f"{variable} = 'a first try'" for variable in variables)
    nb.cells.insert(index, nb.copy(nb.cells[index], source=first))


@_into(CELLS)
def a_second_try_below_with_its_test(nb):
    """A wrong answer stays; the right one and the test stand in new cells below."""
    name = nb.next_answer()
    index, test = nb.at(name), nb.test_of(name)
    variables = sorted(nb.assignment.official[name].names)
    own = [nb.new(nb.cells[index]["source"]), nb.new(nb.cells[test]["source"])]
    nb.cells[index]["source"] = "\n".join(f"{variable} = 'wrong'" for variable in variables)
    nb.cells[test + 1 : test + 1] = own


@_into(CELLS)
def a_test_copied(nb):
    test = nb.test_of(nb.next_answer())
    nb.cells.insert(test + 1, nb.copy(nb.cells[test]))


@_into(CELLS)
def tests_deleted(nb):
    for _ in range(nb.chance.randint(1, 4)):
        if nb.open:
            del nb.cells[nb.test_of(nb.next_answer())]


@_into(CELLS)
def setup_and_imports_deleted(nb):
    for name in nb.chance.choice([["setup"], ["imports"], ["setup", "imports"]]):
        del nb.cells[nb.at(name)]


# --- damage to cells: splits


def _split(nb, count, in_lines, ids, between=()):
    name = nb.next_answer()
    index = nb.at(name)
    cell, text = nb.cells[index], nb.cells[index]["source"]
    if in_lines:
        parts = text.split("\n")
        cuts = sorted(nb.chance.sample(range(1, len(parts)), min(count, len(parts)) - 1))
        parts = ["\n".join(parts[a:b]) for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    else:
        code = text.rfind('"""') + 1  # a line break in a text would be no mistake
        inside = [m.start() + 1 for m in re.finditer(r"\w\w\w", text) if m.start() > code]
        for at in nb.chance.sample(inside, len(inside)):
            parts = [text[:at], text[at:]]
            if not all(map(parses, parts)):  # else nobody could tell that it was split
                break
        else:
            parts = [text]
    made = []
    for number, part in enumerate(parts):
        kept = {"both": True, "first": number == 0, "last": number == len(parts) - 1}.get(ids)
        one = nb.copy(cell, source=part)
        if number == 0:
            one["id"] = cell["id"]
        if not kept:
            one = nb.new(part)
        made += [one, *(nb.new(*more) for more in between)]
    nb.cells[index : index + 1] = made[: len(made) - len(between)]


for _count, _word in ((2, "two"), (3, "three"), (4, "four")):
    for _ids in ("both", "first", "last", "none"):

        def _split_in_lines(nb, count=_count, ids=_ids):
            _split(nb, count, True, ids)

        _split_in_lines.__name__ = f"split_in_{_word}_with_the_id_on_{_ids}"
        _into(CELLS)(_split_in_lines)


@_into(CELLS)
def split_in_the_middle_of_a_word(nb):
    _split(nb, 2, False, nb.chance.choice(["both", "first", "last", "none"]))


@_into(CELLS)
def split_with_an_empty_cell_between(nb):
    _split(nb, 2, True, nb.chance.choice(["both", "first", "none"]), [("",)])


@_into(CELLS)
def split_with_a_note_between(nb):
    _split(nb, 2, True, nb.chance.choice(["both", "first", "none"]), [("*my note*", "markdown")])


# --- damage to cells: other kinds, merged cells


@_into(CELLS)
def retyped(nb):
    cell = nb.cells[nb.at(nb.next_answer())]
    cell["cell_type"] = nb.chance.choice(["markdown", "raw"])
    if nb.chance.random() < 0.5:
        cell["metadata"] = {}


@_into(CELLS)
def fenced_in_a_text_cell(nb):
    cell = nb.cells[nb.at(nb.next_answer())]
    cell["cell_type"] = "markdown"
    cell["source"] = f"My answer:\n\n```python\n{cell['source']}\n```\nThat is all."
    if nb.chance.random() < 0.5:
        cell["metadata"], cell["id"] = {}, "7ff0a1b2"


@_into(CELLS)
def merged_into_the_text_above(nb):
    index = nb.at(nb.next_answer())
    text = nb.new(f"**Build.** Write it.\n\n{nb.cells[index]['source']}", "markdown")
    nb.cells[index] = text


@_into(CELLS)
def merged_with_its_test(nb):
    name = nb.next_answer()
    index, test = nb.at(name), nb.test_of(name)
    whole = f"{nb.cells[index]['source']}\n\n{nb.cells[test]['source']}"
    kept = nb.cells[nb.chance.choice([index, test])]
    nb.cells[test] = kept | {"source": whole}
    del nb.cells[index]


@_into(CELLS)
def written_into_its_test(nb):
    name = nb.next_answer()
    index, test = nb.at(name), nb.test_of(name)
    text = nb.cells[index]["source"]
    nb.cells[test]["source"] = f"{text}\n\n{nb.cells[test]['source']}"
    nb.cells[index]["source"] = nb.stub(name)


@_into(CELLS)
def written_in_the_place_of_its_test(nb):
    name = nb.next_answer()
    index, test = nb.at(name), nb.test_of(name)
    nb.cells[test]["source"] = nb.cells[index]["source"]
    nb.cells[index]["source"] = nb.stub(name)


@_into(CELLS)
def merged_with_the_next_answer(nb):
    name = nb.next_answer()
    index = nb.at(name)
    below = [i for i, c in enumerate(nb.cells) if i > index and c.get("id") in nb.open]
    if below:
        other = nb.cells[below[0]]
        nb.open.remove(other["id"])
        nb.cells[index]["source"] += f"\n\n{other['source']}"
        if nb.chance.random() < 0.5:
            other["source"] = nb.stub(other["id"])
        else:
            del nb.cells[below[0]]


@_into(CELLS)
def imports_added(nb):
    cell = nb.cells[nb.at("imports")]
    cell["source"] += "\nimport math\nfrom functools import partial\n"


@_into(CELLS)
def a_merge_conflict_in_a_cell(nb):
    name = nb.next_answer()
    cell = nb.cells[nb.at(name)]
    versions = [cell["source"], nb.stub(name)]
    nb.chance.shuffle(versions)
    ours, theirs = versions
    cell["source"] = f"<<<<<<< local\n{ours}\n=======\n{theirs}\n>>>>>>> remote\n"


@_into(CELLS)
def a_text_twice_in_a_cell(nb):
    cell = nb.cells[nb.at(nb.next_answer())]
    cell["source"] *= 2


# --- damage to the order; whole notebooks twice


@_into(ORDER)
def answers_below_their_tests(nb):
    for name in [nb.next_answer() for _ in range(2)]:
        cell = nb.cells.pop(nb.at(name))
        nb.cells.insert(nb.chance.randint(len(nb.cells) // 2, len(nb.cells)), cell)


@_into(ORDER)
def tests_on_top(nb):
    tests = [cell for cell in nb.cells if "# Exercise " in cell["source"][:12]]
    nb.cells[:] = tests + [cell for cell in nb.cells if cell not in tests]


@_into(ORDER)
def imports_at_the_end(nb):
    nb.cells.append(nb.cells.pop(nb.at("imports")))


def _untouched(nb):
    release = json.loads(nb.assignment.untouched)["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in release]


def _unnamed(nb, cells):
    """A copy of the cells as one of the editors pastes it."""
    how = nb.chance.choice(["as they are", "new ids", "bare"])
    found = [nb.copy(cell) for cell in cells] if how != "as they are" else deepcopy(cells)
    for cell in found if how == "bare" else []:
        cell["metadata"] = {}
    return found


@_into(ORDER)
def twice_answered_above(nb):
    nb.cells += _unnamed(nb, _untouched(nb))


@_into(ORDER)
def twice_answered_below(nb):
    nb.cells[:0] = _unnamed(nb, _untouched(nb))


@_into(ORDER)
def twice_answered(nb):
    nb.cells += _unnamed(nb, nb.cells)


@_into(ORDER)
def twice_half_and_half(nb):
    below, half = _unnamed(nb, nb.cells), nb.chance.randint(10, len(nb.cells) - 10)
    for cell, other in zip(nb.cells, below, strict=True):
        known = nb.known(cell)
        if known is not None and not known.locked:
            late = nb.cells.index(cell) > half
            (cell if late else other)["source"] = known.source
    nb.cells += below


@_into(ORDER)
def every_cell_twice(nb):
    nb.cells[:] = [both for cell in nb.cells for both in (cell, nb.copy(cell))]


# --- damage to metadata


@_into(METADATA)
def no_metadata(nb):
    for cell in nb.cells:
        cell["metadata"] = {}


@_into(METADATA)
def neither_metadata_nor_ids(nb):
    for cell in nb.cells:
        cell["metadata"] = {}
        cell.pop("id", None)


@_into(METADATA)
def other_ids(nb):
    for cell in nb.cells:
        cell["id"] = f"{nb.chance.getrandbits(32):08x}"


@_into(METADATA)
def some_metadata_gone(nb):
    for cell in nb.cells:
        if nb.chance.random() < 0.3:
            cell["metadata"], cell["id"] = {}, f"{nb.chance.getrandbits(32):08x}"


@_into(METADATA)
def grade_ids_misspelt(nb):
    for cell in nb.cells:
        meta = cell.get("metadata", {}).get("nbgrader")
        if meta and nb.chance.random() < 0.3:
            meta["grade_id"] += nb.chance.choice(["-copy", "1", " "])


@_into(METADATA)
def grade_ids_of_neighbours(nb):
    """Two answers have each other's metadata and ids."""
    answers = [c for c in nb.cells if c.get("metadata", {}).get("nbgrader", {}).get("solution")]
    answers = [c for c in answers if c["cell_type"] == "code"]
    if len(answers) > 1:
        one, other = nb.chance.sample(answers, 2)
        for key in ("metadata", "id"):
            one[key], other[key] = other.get(key), one.get(key)


@_into(METADATA)
def metadata_deeper(nb):
    for cell in nb.cells:
        cell["metadata"] = {"custom": {"metadata": cell["metadata"]}, "vscode": {}}


@_into(METADATA)
def metadata_of_other_kinds(nb):
    for cell in nb.cells:
        if "nbgrader" not in cell.get("metadata", {}):
            cell["metadata"] = nb.chance.choice([None, [], "x", {"nbgrader": 5}, {"tags": None}])


# --- damage to the file: the notebook as bytes


def _json(data, **options):
    return json.dumps(data, ensure_ascii=False, **options)


@_into(FILES)
def marked_as_utf_8(nb):
    return b"\xef\xbb\xbf" + _json(nb.data).encode()


@_into(FILES)
def in_utf_16(nb):
    return _json(nb.data, indent=1).encode(nb.chance.choice(["utf-16", "utf-16-le", "utf-16-be"]))


@_into(FILES)
def with_a_broken_letter(nb):
    return _json(nb.data | {"more": "XX"}).encode().replace(b'"XX"', b'"\xff\xc3"')


@_into(FILES)
def in_worksheets(nb):
    for cell in nb.cells:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["prompt_number"] = 3
        cell.pop("id", None)
    half = len(nb.cells) // 2
    sheets = [{"cells": nb.cells[:half]}, {"cells": nb.cells[half:]}]
    return _json({"nbformat": 3, "worksheets": sheets, "metadata": {"name": ""}}).encode()


@_into(FILES)
def wrapped(nb):
    return _json({"name": "x.ipynb", "type": "notebook", "content": nb.data}).encode()


@_into(FILES)
def wrapped_as_text(nb):
    return json.dumps(json.dumps(nb.data)).encode()


@_into(FILES)
def lists_in_the_list_of_cells(nb):
    half = len(nb.cells) // 2
    nb.data["cells"] = [nb.cells[:half], [nb.cells[half:]], 7, None]
    return _json(nb.data).encode()


@_into(FILES)
def numbers_that_are_none(nb):
    nb.data["metadata"]["seconds"] = [float("nan"), float("inf")]
    return _json(nb.data).encode()


@_into(FILES)
def another_format_and_more_keys(nb):
    nb.data |= {"nbformat": nb.chance.choice([2, 5, "4", None]), "more": {"cell": []}}
    for cell in nb.cells:
        cell |= {"more": [1], "cell_type": cell["cell_type"].upper(), "trusted": True}
    return _json(nb.data).encode()


@_into(FILES)
def lines_without_ends(nb):
    for cell in nb.cells:
        cell["source"] = cell["source"].split("\n")
    return _json(nb.data).encode()


@_into(FILES)
def lines_in_odd_lists(nb):
    for cell in nb.cells:
        lines = cell["source"].splitlines(keepends=True)
        cell["source"] = [lines[:1], None, [lines[1:], 5], {"a": 1}]
    return _json(nb.data).encode()


@_into(FILES)
def with_windows_line_ends(nb):
    for cell in nb.cells:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    return _json(nb.data, indent=1).replace("\n", "\r\n").encode()


@_into(FILES)
def as_python_writes_it(nb):
    return repr(nb.data).encode()


@_into(FILES)
def cut_off(nb):
    nb.data["more"] = "x" * 100
    nb.data["cells"] = nb.data.pop("cells")  # the last
    return _json(nb.data).encode()[:-2]


@_into(FILES)
def commas_too_many(nb):
    return re.sub(r"\}\n \]", "},\n ]", _json(nb.data, indent=1)).encode()


@_into(FILES)
def a_merge_conflict_in_the_file(nb):
    """Every line that the answers have and the release has not is in conflict with it."""
    release = {"".join(cell["source"].split()): cell for cell in _untouched(nb)}
    cells = []
    for cell in nb.cells:
        ours, known = _json(cell, indent=1), nb.known(cell)
        keep = "".join(cell["source"].split()) in release or known is None or known.locked
        theirs = ours if keep else _json(cell | {"source": known.source}, indent=1)
        both = f"<<<<<<< HEAD\n{ours}\n=======\n{theirs}\n>>>>>>> origin/main"
        cells.append(ours if ours == theirs else both)
    text = ",\n".join(cells).replace("main,\n", "main\n,\n")
    return f'{{"cells": [\n{text}\n], "metadata": {{}}, "nbformat": 4}}'.encode()


@_into(FILES)
def as_it_is(nb):
    return _json(nb.data, indent=1).encode()


# --- mixtures


def damaged(assignment, seed):
    """A damaged notebook that can be told from the seed alone: (bytes, what was done, answers).

    The answers are the texts that the student wrote, {grade id: text}, "helper" among them.
    """
    nb, chance = Damaged(assignment, seed), random.Random(seed)
    done = chance.sample(list(STYLES), chance.randint(0, 1))
    for name in done:
        STYLES[name](nb)
    answers = {n: nb.cells[nb.at(n)]["source"] for n in assignment.answers}
    cells = chance.sample(list(CELLS), chance.randint(0, 3))
    split = any(name.startswith("split") for name in cells)
    # Halves of an answer in two places, or with other answers' names, are found by nobody.
    fixed = split or "a_second_try_below_with_its_test" in cells
    order = [] if fixed else chance.sample(list(ORDER), chance.randint(0, 1))
    metadata = chance.sample(list(METADATA), chance.randint(0, 1))
    metadata = [] if split and metadata == ["grade_ids_of_neighbours"] else metadata
    for name in [*cells, *order, *metadata]:
        with suppress(StopIteration):  # the cell that it would damage is gone already
            {**CELLS, **ORDER, **METADATA}[name](nb)
    file = chance.choice(list(FILES))
    return FILES[file](nb), [*done, *cells, *order, *metadata, file], answers
