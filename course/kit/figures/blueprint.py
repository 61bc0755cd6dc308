"""Draw a network: a small one with its branches and arrows, a large one module by module."""

from __future__ import annotations

import re
import textwrap
from itertools import pairwise
from math import log2, sqrt

from course.anatomy import anatomy
from course.kit.figures.pictures import INK, Picture, canvas, set_title
from course.kit.figures.stages import COLOURS, OTHER, in_english, joined, parts_of, side_of
from course.network.words import read_by, shape_of

_WIDE = 7.4  # inches: at 700 pixels, the width of a page, labels keep their size
_BOXES = 6  # in one line
_MOST_BOXES = 24  # in a network with more parts, those whose maps have one size become one box
_DEEPEST = 12  # rows one behind another in a drawing with branches
_SHEETS = 8  # maps that are drawn of a stack, at most
_ARROW = {"arrowstyle": "->", "color": INK, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}


def architecture(network: object, *, title: str | None = None, shapes: bool = True) -> Picture:
    """The network as boxes: height for the map's side, width for the number of maps.

    `network` is a Keras model, a Table or an anatomy. Both measures grow as square roots, so that
    a map of 224 and one of 7 fit into one picture. A small network with branches is drawn with
    its arrows. In a larger one, each module (the rows between two rows that every path goes
    through) is one box. In one with more than 24 boxes, all parts whose maps have one size are one
    box. With `shapes=False` only the input's shape is written; readers work out the others.
    """
    rows = anatomy(network)
    title = title or rows.name
    if _branches(rows) and max(_levels(rows).values()) <= _DEEPEST:
        return _graph(rows, title, shapes)
    others = len(rows.outputs) - 1
    if others:
        mains = [rows.leading_to(value) for value in rows.outputs]
        rows = max(mains, key=len)
        title += f" (without the ways to {others} more output{'s' * (others > 1)})"
    parts = parts_of(rows)
    if len(parts) > _MOST_BOXES:
        parts = joined(parts)
    return _boxes(rows, parts, title, shapes)


def _boxes(rows, parts, title, shapes):
    """The parts one after another, in lines."""
    first = rows.inputs[0].parts[0][0]
    boxes = [(first, "input", first.name, COLOURS["input"])]
    boxes += [(part.steps[-1], part.does, part.name, part.colour) for part in parts]
    lines = -(-len(boxes) // _BOXES)
    figure, axes = canvas((_WIDE * min(len(boxes), _BOXES) / _BOXES, 2.3 * lines))
    tallest = max(side_of(step) for step, *_ in boxes)
    x, y, pitch = 0.0, 0.0, 1.4
    for number, (step, does, name, colour) in enumerate(boxes):
        x, y = pitch * (number % _BOXES), -2.3 * (number // _BOXES)
        side, sheets = 0.85 * sqrt(side_of(step) / tallest), min(step.filters, _SHEETS)
        if step.grid == (1, 1):  # a vector: a thin bar whose height is its length
            width = _bar(axes, x, y, 0.2 + 0.06 * log2(step.filters), colour)
        else:
            width = _stack(axes, x, y, side, sheets, 0.12 + 0.06 * log2(step.filters + 1), colour)
        below = f"{name}\n{shape_of(step.shape)}" if shapes or not number else name
        size = min(8.5, 8.5 * 17 / max(map(len, below.split("\n"))))
        axes.text(x + width / 2, y - 0.58, below, ha="center", va="top", fontsize=size)
        if number:
            words = wrapped(does)
            axes.text(x + width / 2, y + 0.62, words, ha="center", va="bottom", fontsize=8)
        if number + 1 < len(boxes) and (number + 1) % _BOXES:
            axes.annotate("", (x + pitch - 0.06, y), (x + width + 0.08, y), arrowprops=_ARROW)
    axes.set_xlim(-0.45, pitch * min(len(boxes), _BOXES) - 0.35)
    axes.set_ylim(y - 1.05, 1.25)
    axes.axis("off")
    set_title(axes, title)
    told = "; ".join(
        " ".join(
            f"{name}{f' ({does})' * bool(n)} {shape_of(step.shape) * (shapes or not n)}".split()
        )
        for n, (step, does, name, _) in enumerate(boxes)
    )
    return Picture(figure, f"{title} from input to output: {told}.")


# --- with branches


def _branches(rows):
    """Whether a step has several readers or reads several steps."""
    read = [id(source) for step in rows for value in step.inputs for source in set(value.sources)]
    return len(read) != len(set(read))


def _levels(rows):
    """{id: level}: a step stands one level below the last step that it reads."""
    level = {id(value.parts[0][0]): 0 for value in rows.inputs}
    for step in rows:
        level[id(step)] = 1 + max((level[id(s)] for s in read_by(step)), default=-1)
    return level


def _graph(rows, title, shapes):
    """Boxes from top to bottom, with arrows."""
    steps = [*(value.parts[0][0] for value in rows.inputs), *rows]
    level, lanes, ways = _levels(rows), {}, []
    for step in steps:
        lanes.setdefault(level[id(step)], []).append(id(step))
    for step in rows:
        for source in read_by(step):
            way = [id(source)]
            # An arrow over several levels keeps a place in each, so that no box lies on it.
            for y in range(level[id(source)] + 1, level[id(step)]):
                way.append((id(source), id(step), y))
                lanes[y].append(way[-1])
            ways.append([*way, id(step)])
    at = {}
    for y in sorted(lanes):  # each place stands below what leads to it
        came = {b: a for way in ways for a, b in pairwise(way) if a in at}
        lane = sorted(lanes[y], key=lambda place: at[came[place]][0] if place in came else 0)
        for number, place in enumerate(lane):
            at[place] = number - (len(lane) - 1) / 2, -y
    most = max(map(len, lanes.values()))
    wide = min(1.85, _WIDE / most)
    words = {id(step): _words(step, shapes) for step in steps}
    tall = 0.16 * max(len(text) for text in words.values()) + 0.1
    figure, axes = canvas((max(3.7, wide * most), (tall + 0.4) * len(lanes) + 0.3))
    half, up = 0.45, tall / (tall + 0.4) / 2
    for step in steps:
        _box(axes, at[id(step)], half, up, words[id(step)], COLOURS.get(step.step, OTHER), wide)
    for way in ways:
        line = []
        for place in way:
            x, y = at[place]
            line += [(x, y + up), (x, y - up)]  # straight down through each level
        line = line[1:-1]
        axes.plot(*zip(*line[:-1], strict=True), color=INK, linewidth=0.9)
        axes.annotate("", line[-1], line[-2], arrowprops=_ARROW)
    side = max(most, 3.7 / wide) / 2
    axes.set_xlim(-side, side)
    axes.set_ylim(0.5 - len(lanes), 0.5)
    axes.axis("off")
    set_title(axes, title)
    told = "; ".join(
        f"{step.name} ({in_english(step)}{f', {shape_of(step.shape)}' * shapes}) reads "
        + " and ".join(source.name for source in read_by(step))
        for step in rows
    )
    return Picture(figure, f"{title}, drawn with its branches: {told}.")


def _words(step, shapes):
    """A box's lines: its name, what it does, its shape."""
    if step.step == "input":
        return [step.name, shape_of(step.shape)]
    lines = [step.name]
    for part in in_english(step).replace("convolution", "conv").split(", "):
        if len(lines) > 1 and len(lines[-1]) + len(part) < 20:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return [*lines, shape_of(step.shape)] if shapes else lines


def _box(axes, at, half, up, lines, colour, wide):
    """A box around lines of text; (half, up) is half its size, `wide` a lane's width in inches."""
    from matplotlib.patches import FancyBboxPatch

    corner = at[0] - half, at[1] - up
    look = {"boxstyle": "square,pad=0", "facecolor": colour, "alpha": 0.25, "linewidth": 0}
    axes.add_patch(FancyBboxPatch(corner, 2 * half, 2 * up, **look))
    look |= {"facecolor": "none", "edgecolor": INK, "alpha": 0.6, "linewidth": 0.8}
    axes.add_patch(FancyBboxPatch(corner, 2 * half, 2 * up, **look))
    room = 2 * half * wide / 0.072  # characters of 8.5 points
    size = min(8.5, 8.5 * room / max(map(len, lines)))
    axes.text(*at, "\n".join(lines), ha="center", va="center", fontsize=size)


# --- shapes


def _bar(axes, x, y, height, colour):
    """A vector. Returns the width that it takes."""
    from matplotlib.patches import Rectangle

    look = {"facecolor": colour, "edgecolor": INK, "linewidth": 0.7}
    axes.add_patch(Rectangle((x, y - height / 2), 0.14, height, **look))
    return 0.14


def _stack(axes, x, y, side, sheets, depth, colour):
    """Maps one behind the other, each seen at an angle. Returns the width that they take."""
    from matplotlib.patches import Polygon

    lean, rise = 0.3 * side, 0.22 * side
    for number in range(sheets):
        at = x + depth * number / max(1, sheets - 1)
        low, high = y - (side + rise) / 2, y + (side - rise) / 2
        corners = [(at, low), (at + lean, low + rise), (at + lean, high + rise), (at, high)]
        look = {"facecolor": colour, "edgecolor": "white", "linewidth": 0.6}
        axes.add_patch(Polygon(corners, **look))
    return depth + lean


def wrapped(text):
    """The words of a step on short lines, broken at its commas and where they are long."""
    text = re.sub(r"(\(\d+, \d+\)) and \1", r"\1", text.replace("convolution", "conv"))
    # A size or a count is not torn from its number.
    text = re.sub(r"( ×|\d) (?=\d|branch)", lambda found: found[0].replace(" ", "\xa0"), text)
    lines = [textwrap.wrap(part, 14) for part in re.split(r", (?![^(]*\))", text)]
    return "\n".join(line for part in lines for line in part)
