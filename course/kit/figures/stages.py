"""The parts of a network as a picture shows them: rows, modules, or stages of one size."""

from __future__ import annotations

from math import sqrt
from os.path import commonprefix

from course.language import ENGLISH, speaking
from course.network.words import read_by

# Okabe and Ito's colours, which colour-blind readers can tell apart; the yellow is darker.
COLOURS = {
    "conv": "#0072B2",
    "conv_transpose": "#56B4E9",
    "upsample": "#DCCB1A",
    "max_pool": "#E69F00",
    "average_pool": "#E69F00",
    "global_average_pool": "#E69F00",
    "global_max_pool": "#E69F00",
    "dense": "#009E73",
    "attention": "#D55E00",
    "input": "#999999",
}
OTHER = "#CC79A7"


class Stage:
    """Rows one after another, as if they were one row."""

    def __init__(self, steps, modules=0):
        self.steps, self.modules = list(steps), modules

    @property
    def name(self):
        """The row's name, or those of the first and the last."""
        first, last = self.steps[0].name, self.steps[-1].name
        return first if first == last else f"{first} to\n{last}"

    @property
    def colour(self):
        """The colour of its main step."""
        kinds = [step.step for step in self.steps]
        main = next((kind for kind in ("attention", "conv") if kind in kinds), kinds[0])
        return COLOURS.get(main, OTHER)

    @property
    def does(self):
        """Its steps in words."""
        if len(self.steps) == 1:
            return in_english(self.steps[0])
        number, kind = (self.modules, "module") if self.modules else (len(self.steps), "row")
        return f"{number} {kind}{'s' * (number > 1)}"

    def total(self, measure):
        """The sum of a measure, such as "macs", over its rows."""
        return sum(getattr(step, measure) for step in self.steps)


class _Module(Stage):
    """The rows between two rows that every path goes through, the second included."""

    def __init__(self, steps):
        super().__init__(steps, modules=1)

    @property
    def name(self):
        names = [step.name for step in self.steps]
        common = commonprefix(names).rstrip("_-./ ")  # noqa: RUF071  (letters are meant)
        return common if len(common) > 1 else super().name

    @property
    def colour(self):
        return OTHER

    @property
    def does(self):
        joins = [step for step in self.steps if len(read_by(step)) > 1]
        count = len(self.steps) - 1
        if joins and joins[-1].step == "add":
            return f"{count} rows and a shortcut"
        return f"{count} rows in {len(read_by(joins[-1]))} branches" if joins else super().does


def parts_of(rows):
    """The rows of a network, with each module as one part."""
    steps = list(rows)
    place = {id(step): number for number, step in enumerate(steps)}
    last = {}  # of each step, the place of the last row that reads it
    for step in steps:
        for source in read_by(step):
            last[id(source)] = place[id(step)]
    parts, now = [], []
    far = max((last.get(id(v.parts[0][0]), 0) for v in rows.inputs), default=0)
    for number, step in enumerate(steps):
        now.append(step)
        if far <= number:  # nothing leads past this row
            parts.append(_Module(now) if len(now) > 1 else Stage(now))
            now = []
        far = max(far, last.get(id(step), number))
    return [*parts, *([Stage(now)] if now else [])]


def joined(parts):
    """The parts as stages: neighbours whose maps have the same size are one. Vectors stay alone."""
    stages = []
    for part in parts:
        grid = part.steps[-1].grid
        if stages and grid != (1, 1) and stages[-1].steps[-1].grid == grid:
            stages[-1].steps += part.steps
            stages[-1].modules += part.modules
        else:
            stages.append(Stage(part.steps, part.modules))
    return stages


def in_english(step):
    """What a step does. Pictures are in English, as the notebooks are, and their font has no 卷."""
    with speaking(ENGLISH):
        return step.does()


def side_of(step):
    """The height of a map; of a sequence, that of a square map with as many pixels as tokens."""
    return step.grid[0] if len(step.grid) > 1 else sqrt(step.grid[0])
