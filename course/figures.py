"""Every picture of the course, in one style, each with a text that says what it shows.

    figures.architecture(model)     # or a published Table: drawn from its anatomy
    figures.cost(model)             # where the weights are, where the work is
    figures.curves(runs)            # training curves, a line for each seed

A function returns a `Picture`, which a notebook shows with its alternative text. matplotlib is
imported when something is drawn.
"""

import base64
import io
import os
from html import escape
from itertools import pairwise
from math import log2, sqrt

from course.anatomy import anatomy

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = {
    "conv": "#0072B2",
    "max_pool": "#E69F00",
    "average_pool": "#E69F00",
    "global_average_pool": "#E69F00",
    "global_max_pool": "#E69F00",
    "dense": "#009E73",
    "input": "#999999",
}
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = "os^Dv<"  # beside the colours, for pages that are printed in grey
_ARROW = {"arrowstyle": "->", "color": "#555555", "linewidth": 0.9}
_SHEETS = 8  # at most so many maps are drawn of a stack
_BOXES = 10  # in one line of a drawn architecture
_MOST_BOXES = 40  # of a network with more rows, stages are drawn
_STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


class Picture:
    """A matplotlib figure with the text that says what it shows.

    `figure` is the matplotlib Figure, drawn when it is first looked at; `alt` is the text.
    `save(path)` writes it in the format of the path's ending.
    """

    def __init__(self, sketch, alt):
        self._sketch, self.alt = sketch, alt

    @property
    def figure(self):
        """The matplotlib Figure."""
        return self._sketch.drawn()

    def save(self, path):
        """Write the picture to a file: .png, .svg or .pdf."""
        self.figure.savefig(path, dpi=150, bbox_inches="tight")

    def __repr__(self):
        return f"[Picture: {self.alt}]"

    def _repr_html_(self):
        if "NBGRADER_EXECUTION" in os.environ:  # a grader reads the text; drawing takes its time
            return None
        data = io.BytesIO()
        self.figure.savefig(data, format="png", dpi=110, bbox_inches="tight")
        source = base64.b64encode(data.getvalue()).decode()
        return (
            f'<img alt="{escape(self.alt)}" style="max-width:100%;background:white" '
            f'src="data:image/png;base64,{source}">'
        )


def architecture(network, *, title=None):
    """The network as a row of boxes: height for the map's side, width for the number of maps.

    `network` is a Keras model, a Table or an anatomy. Both measures grow as square roots, so that
    a map of 224 and one of 7 fit into one picture. A small network with branches is drawn with
    its arrows, and of a network with more than 40 rows each stage is one box: the rows whose maps
    have one size.
    """
    rows = anatomy(network)
    if len(rows) <= _MOST_BOXES and _branches(rows):
        return _graph(rows, title or rows.name)
    first = rows.inputs[0].parts[0][0]
    stages = _stages(rows) if len(rows) > _MOST_BOXES else [_Stage(step) for step in rows]
    grey = _COLOURS["input"]
    steps = [(first, "input", first.name, grey)]
    steps += [(stage.steps[-1], stage.does, stage.name, stage.colour) for stage in stages]
    lines = -(-len(steps) // _BOXES)
    figure, axes = _canvas((1.25 * min(len(steps), _BOXES), 2.6 * lines))
    tallest = max(step.grid[0] for step, *_ in steps)
    x, y, widest = 0.0, 0.0, 0.0
    for number, (step, does, name, colour) in enumerate(steps):
        if number and number % _BOXES == 0:
            x, y = 0.0, y - 2.3
        side, sheets = 0.85 * sqrt(step.grid[0] / tallest), min(step.filters, _SHEETS)
        if step.grid == (1, 1):  # a vector: a thin bar whose height is its length
            width = _bar(axes, x, y, 0.2 + 0.06 * log2(step.filters), colour)
        else:
            width = _stack(axes, x, y, side, sheets, 0.12 + 0.07 * log2(step.filters + 1), colour)
        below = f"{name}\n{_by(step.shape)}"
        axes.text(x + width / 2, y - 0.58, below, ha="center", va="top", fontsize=8.5)
        if number:
            words = _wrapped(does)
            axes.text(x + width / 2, y + 0.72, words, ha="center", va="bottom", fontsize=7.5)
        if number + 1 < len(steps):
            ahead = x + max(width, 0.45) + 0.62
            axes.annotate("", (ahead, y), (x + width + 0.08, y), arrowprops=_ARROW)
        x += max(width, 0.45) + 0.75
        widest = max(widest, x)
    axes.set_xlim(-0.4, widest - 0.3)
    axes.set_ylim(y - 1.0, 1.3)
    axes.axis("off")
    _title(axes, title or rows.name)
    shapes = ", ".join(f"{' '.join(name.split())} {_by(step.shape)}" for step, _, name, _ in steps)
    return Picture(figure, f"{title or rows.name} from input to output: {shapes}.")


def _branches(rows):
    """Whether something is read twice, or something reads two things."""
    read = [id(source) for step in rows for value in step.inputs for source in set(value.sources)]
    return len(read) != len(set(read))


def _graph(rows, title):
    """Boxes with arrows: a step stands one column right of the last step that it reads."""
    steps = [rows.inputs[0].parts[0][0], *rows]
    column, lanes, ways = {}, {}, []
    for step in steps:
        column[id(step)] = 1 + max((column[id(s)] for s in _read_by(step)), default=-1)
        lanes.setdefault(column[id(step)], []).append(id(step))
    for step in rows:
        for source in _read_by(step):
            way = [id(source)]
            # An arrow over several columns keeps a place in each, so that no box lies on it.
            for x in range(column[id(source)] + 1, column[id(step)]):
                way.append((id(source), id(step), x))
                lanes[x].append(way[-1])
            ways.append([*way, id(step)])
    at = {}
    for x in sorted(lanes):  # each place stands as high as what leads to it
        came = {b: a for way in ways for a, b in pairwise(way) if a in at}
        lane = sorted(lanes[x], key=lambda place: -at[came[place]][1] if place in came else 0)
        for number, place in enumerate(lane):
            at[place] = x, (len(lane) - 1) / 2 - number
    most = max(map(len, lanes.values()))
    figure, axes = _canvas((1.9 * len(lanes), 0.95 * most + 0.7))
    for step in steps:
        words = [step.name, _wrapped(step.does()) if step in rows.steps else "", _by(step.shape)]
        look = {"facecolor": _COLOURS.get(step.step, "#CC79A7"), "edgecolor": "black"}
        axes.text(
            *at[id(step)], "\n".join(filter(None, words)),
            ha="center", va="center", fontsize=8, bbox={"boxstyle": "round", "alpha": 0.25, **look},
        )  # fmt: skip
    for way in ways:
        points = [at[place] for place in way]
        (x, y), (to, up) = points[0], points[-1]
        line = [(x + 0.38, y), *points[1:-1], (to - 0.38, up)]
        axes.plot(*zip(*line, strict=True), color="#555555", linewidth=0.9)
        axes.annotate("", line[-1], line[-2], arrowprops=_ARROW)
    axes.set_xlim(-0.5, len(lanes) - 0.5)
    axes.set_ylim(-most / 2, most / 2)
    axes.axis("off")
    _title(axes, title)
    told = "; ".join(
        f"{step.name} ({step.does()}, {_by(step.shape)}) reads "
        + " and ".join(source.name for source in _read_by(step))
        for step in rows
    )
    return Picture(figure, f"{title}, drawn with its branches: {told}.")


def _read_by(step):
    """The steps that a step reads, each once; a concatenation stands for what it puts together."""
    found = {}
    for value in step.inputs:
        for source in [value.joined] if value.joined else [part[0] for part in value.parts]:
            found[id(source)] = source
    return list(found.values())


class _Stage:
    """Rows one after another whose maps have the same size, as if they were one row."""

    def __init__(self, step):
        self.steps = [step]

    @property
    def name(self):
        first, last = self.steps[0].name, self.steps[-1].name
        return first if first == last else f"{first} to\n{last}"

    @property
    def colour(self):
        kinds = [step.step for step in self.steps]
        return _COLOURS.get("conv" if "conv" in kinds else kinds[0], "#CC79A7")

    @property
    def does(self):
        return self.steps[0].does() if len(self.steps) == 1 else f"{len(self.steps)} rows"

    def total(self, measure):
        return sum(getattr(step, measure) for step in self.steps)


def _stages(rows):
    """The rows of a network, joined where the size of the maps stays; vectors stay alone."""
    stages = []
    for step in rows:
        same = stages and stages[-1].steps[-1].grid == step.grid
        if same and step.grid != (1, 1):
            stages[-1].steps.append(step)
        else:
            stages.append(_Stage(step))
    return stages


def cost(network, *, title=None):
    """Parameters and multiply-accumulates of each row, side by side: weights against work.

    Of a network with more than 40 rows, the bars are stages: the rows whose maps have one size.
    """
    rows = anatomy(network)
    stages = _stages(rows) if len(rows) > _MOST_BOXES else [_Stage(step) for step in rows]
    stages = [stage for stage in stages if stage.total("parameters") or stage.total("macs")]
    height = 0.32 if len(rows) <= _MOST_BOXES else 0.5
    figure, panels = _canvas((8, 0.6 + height * len(stages)), 1, 2, sharey=True)
    colours = [stage.colour for stage in stages]
    texts = []
    for axes, measure, words in zip(
        panels, ("parameters", "macs"), ("parameters", "multiply-accumulates"), strict=True
    ):
        values = [stage.total(measure) for stage in stages]
        total = sum(values)
        axes.barh(range(len(stages)), values, color=colours)
        for at, value in enumerate(values):
            axes.text(value, at, f" {value:,} ({value / total:.0%})", va="center", fontsize=8)
        _title(axes, f"{total:,} {words}")
        axes.set_xlim(0, 1.55 * max(values))
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        most = max(range(len(stages)), key=values.__getitem__)
        where = " ".join(stages[most].name.split())
        texts.append(f"most {words} are in {where}, {values[most]:,} of {total:,}")
    panels[0].set_yticks(range(len(stages)), [stage.name for stage in stages])
    panels[0].invert_yaxis()
    figure.suptitle(title or rows.name, x=0.01, ha="left", fontweight="bold")
    return Picture(figure, f"{title or rows.name}: {'; '.join(texts)}.")


def receptive_field(network, *, title=None):
    """The side of the input patch that one output value sees, growing row by row.

    Rows that look at nothing new (additions, activations, normalisations) are left out, and what
    follows the last map sees all of it.
    """
    rows = anatomy(network)
    image = rows.inputs[0].grid[0]
    kinds = ("conv", "max_pool", "average_pool")
    steps = [s for s in rows if s.step in kinds and s.grid != (1, 1)]
    names, seen = [step.name for step in steps], [step.receptive_field for step in steps]
    figure, axes = _canvas((min(11, 3 + 0.28 * len(steps)), 3.4))
    axes.plot(range(len(steps)), seen, color=_LINES[0], linewidth=1)
    for kind, label in (("conv", "convolution"), ("pool", "pooling")):
        at = [i for i, step in enumerate(steps) if kind in step.step]
        look = {"color": _COLOURS["conv" if kind == "conv" else "max_pool"], "label": label}
        axes.plot(at, [seen[i] for i in at], "o" if kind == "conv" else "s", **look)
    axes.axhline(image, color="#555555", linewidth=0.9, linestyle="--")
    axes.text(0, image, f"the whole image, {image} pixels", va="bottom", fontsize=8)
    every = -(-len(steps) // 30)
    ticks = range(0, len(steps), every)
    axes.set_xticks(ticks, [names[i] for i in ticks], rotation=90, fontsize=8)
    axes.set_ylabel("pixels of the input, one side")
    axes.set_ylim(0, 1.12 * max(image, *seen))
    axes.legend(loc="lower right")
    _title(axes, title or f"{rows.name}: what one value sees")
    told = ", ".join(f"{names[i]} {seen[i]}" for i in ticks)
    return Picture(
        figure, f"{rows.name}, side of the input patch that one value sees: {told} pixels."
    )


def scatter(points, *, x, y, size=None, log="", title=None):
    """Networks as labelled points: `points` are dicts with a "name" and numbers under x and y.

    `size` names the number that the area of a point shows. `log` is "x", "y" or "xy" for
    logarithmic axes.

    Raises ValueError if a point lacks one of its numbers.
    """
    asked = ["name", x, y, *([size] if size else [])]
    for point in points:
        if missing := [key for key in asked if point.get(key) is None]:
            raise ValueError(
                f"Each point should have {', '.join(asked)}. {point.get('name', point)} lacks "
                f"{', '.join(missing)}."
            )
    figure, axes = _canvas((7, 4.6))
    largest = max((point[size] for point in points), default=1) if size else 1
    for number, point in enumerate(points):
        area = 60 + 900 * point[size] / largest if size else 60
        look = {"color": _LINES[number % len(_LINES)], "edgecolor": "black", "linewidth": 0.6}
        axes.scatter(point[x], point[y], s=area, alpha=0.6, **look)
        offset = {"xytext": (4 + sqrt(area) / 2, 3), "textcoords": "offset points"}
        axes.annotate(point["name"], (point[x], point[y]), fontsize=8, **offset)
    for axis in log:
        getattr(axes, f"set_{axis}scale")("log")
    axes.margins(0.15)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    _title(axes, title or f"{y} against {x}" + (f"; area: {size}" if size else ""))
    told = "; ".join(
        f"{p['name']} {', '.join(f'{round(p[key], 3):,} {key}' for key in asked[1:])}"
        for p in points
    )
    return Picture(figure, f"{title or f'{y} against {x}'}: {told}.")


def sizes(network, *, title=None):
    """Height and width against the number of maps, from the input to the last map."""
    rows = anatomy(network)
    steps = [rows.inputs[0].parts[0][0], *(step for step in rows if step.grid != (1, 1))]
    names = [step.name for step in steps]
    figure, axes = _canvas((7, 3.2))
    for label, values, marker, colour in (
        ("height = width, in pixels", [step.grid[0] for step in steps], "o-", _LINES[0]),
        ("maps", [step.filters for step in steps], "s--", _LINES[1]),
    ):
        axes.plot(names, values, marker, color=colour, label=label)
        for at, value in enumerate(values):
            if at and value == values[at - 1]:
                continue  # a number for each change is enough
            offset = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center"}
            axes.annotate(str(value), (at, value), **offset)
    axes.set_yscale("log", base=2)
    axes.set_ylim(0.7, 1.6 * max(max(step.grid[0], step.filters) for step in steps))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if len(steps) > 10:
        axes.tick_params(axis="x", rotation=90)
    axes.legend()
    _title(axes, title or f"{rows.name}: fewer pixels, more maps")
    told = ", ".join(f"{s.name} {s.grid[0]} pixels and {s.filters} maps" for s in steps)
    return Picture(figure, f"{rows.name}, sizes from input to the last map: {told}.")


def connections(table, *, rows="map of S2", columns="map of C3"):
    """A connection table: × where a map (column) sees a map of the row before it.

    `table` lists for each map the input maps that it sees.
    """
    inputs = 1 + max(max(seen) for seen in table)
    pairs = sum(map(len, table))
    figure, axes = _canvas((0.42 * len(table) + 1, 0.42 * inputs + 1))
    for column, seen in enumerate(table):
        for row in seen:
            axes.text(column, row, "×", ha="center", va="center", fontsize=13, color=_LINES[0])
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.set_ylim(inputs - 0.5, -0.5)
    axes.set_xticks(range(len(table)))
    axes.set_yticks(range(inputs))
    axes.set_xticks([x - 0.5 for x in range(len(table) + 1)], minor=True)
    axes.set_yticks([y - 0.5 for y in range(inputs + 1)], minor=True)
    axes.grid(which="minor", color="#cccccc")
    axes.tick_params(which="both", length=0)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)
    _title(axes, f"{pairs} of {len(table) * inputs} pairs are connected")
    told = "; ".join(f"{at} sees {', '.join(map(str, seen))}" for at, seen in enumerate(table))
    return Picture(
        figure, f"Connection table, {pairs} of {len(table) * inputs} pairs. {columns}: {told}."
    )


def feature_maps(model, image, layer=None, *, most=16):
    """The maps that a layer makes of one image, (height, width, channels).

    `layer` is its name; the first convolution if it is not given. Each map has its own grey scale,
    from its smallest value (black) to its largest (white).

    Raises ValueError for an unknown layer, and lists those there are.
    """
    import keras
    import numpy as np

    chosen = _layer(model, layer, "Conv2D")
    look = keras.Model(model.inputs[0], chosen.output)
    maps = keras.ops.convert_to_numpy(look(np.asarray(image)[None]))[0]
    shown = min(most, maps.shape[-1])
    figure = _tiles(
        [maps[..., i] for i in range(shown)], [f"map {i}" for i in range(shown)],
        f"{chosen.name}: {maps.shape[0]} × {maps.shape[1]} × {maps.shape[2]}",
    )  # fmt: skip
    return Picture(
        figure, f"{shown} of {maps.shape[-1]} maps of {chosen.name} for one image, grey values."
    )


def filters(model, layer=None, *, most=96):
    """The kernels of a convolution on the image: grey for one channel, in colours for three.

    All kernels share one scale around zero: white is the largest weight, black its negative.

    Raises ValueError for an unknown layer, or one that does not read one or three channels.
    """
    import keras

    chosen = _layer(model, layer, "Conv2D")
    kernels = keras.ops.convert_to_numpy(chosen.kernel)
    channels, count = kernels.shape[2:]
    if channels not in (1, 3):
        raise ValueError(
            f"{chosen.name} should read an image of 1 or 3 channels, so that its kernels can be "
            f"shown. It reads {channels} maps; choose the first convolution."
        )
    largest = abs(kernels).max() or 1.0
    shown = min(most, count)
    pictures = [(kernels[..., i] / largest + 1) / 2 for i in range(shown)]
    figure = _tiles(
        [p[..., 0] if channels == 1 else p for p in pictures], [""] * shown,
        f"{chosen.name}: {count} kernels, {kernels.shape[0]} × {kernels.shape[1]}, ±{largest:.2f}",
        limits=(0, 1),
    )  # fmt: skip
    return Picture(figure, f"The {shown} kernels of {chosen.name}, weights from -{largest:.2f} on.")


def curves(runs, *, measure="accuracy", title=None):
    """Training curves: {label: history, or a list of histories, one for each seed}.

    A history is what `fit` returns, or its dict of lists. Test curves are solid, training curves
    dashed; each seed has a thin line, each label a marker of its own.
    """
    figure, axes = _canvas((7, 3.6))
    told = []
    for place, (label, histories) in enumerate(runs.items()):
        colour, mark = _LINES[place % len(_LINES)], _MARKS[place % len(_MARKS)]
        histories = histories if isinstance(histories, list) else [histories]
        histories = [getattr(history, "history", history) for history in histories]
        ends = []
        for number, history in enumerate(histories):
            for key, style in ((measure, "--"), (f"val_{measure}", "-")):
                if key not in history:
                    continue
                values = history[key]
                named = label if style == "-" and number == 0 else None
                epochs = range(1, len(values) + 1)
                look = {"color": colour, "linewidth": 1.1, "marker": mark, "markersize": 4}
                look["markevery"] = -(-len(values) // 8)
                axes.plot(epochs, values, style, label=named, **look)
            ends.append(history.get(f"val_{measure}", history.get(measure, [0]))[-1])
        told.append(f"{label} ends between {min(ends):.4f} and {max(ends):.4f}")
    axes.plot([], [], "-", color="#555555", label="test")
    axes.plot([], [], "--", color="#555555", label="training")
    axes.set_xlabel("epoch")
    axes.set_ylabel(measure)
    axes.locator_params(axis="x", integer=True)
    axes.legend(fontsize=9)
    _title(axes, title or f"{measure}, epoch by epoch")
    return Picture(figure, f"Training curves of {measure}: {'; '.join(told)}.")


def functions(chosen, *, low=-3.0, high=3.0, title="Activation functions"):
    """Functions of one number, {name: function of an array}, drawn into one picture."""
    import numpy as np

    x = np.linspace(low, high, 301)
    figure, axes = _canvas((6, 3.4))
    styles = ("-", "--", "-.", ":")
    for number, (name, function) in enumerate(chosen.items()):
        colour, style = _LINES[number % len(_LINES)], styles[number % len(styles)]
        axes.plot(x, function(x), style, color=colour, label=name)
    axes.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    axes.axvline(0, color="#cccccc", linewidth=0.8, zorder=0)
    axes.legend()
    _title(axes, title)
    return Picture(figure, f"{title} from {low:g} to {high:g}: {', '.join(chosen)}.")


def images(pictures, labels=None, predictions=None):
    """Example images, (n, height, width, channels) in [0, 1], with labels below if given.

    With predictions each is marked ✓ or ✗.
    """
    import numpy as np

    pictures = np.asarray(pictures)
    captions = [""] * len(pictures)
    if labels is not None:
        captions = [str(label) for label in labels]
        if predictions is not None:
            captions = [
                f"✓ {want}" if want == got else f"✗ {got}, it is {want}"
                for want, got in zip(labels, predictions, strict=True)
            ]
    shown = [p[..., 0] if p.shape[-1] == 1 else p for p in pictures]
    figure = _tiles(shown, captions, "")
    return Picture(
        figure, f"{len(shown)} images: {'; '.join(filter(None, captions)) or 'no labels'}."
    )


def bars(values, *, unit="", title=None):
    """Numbers side by side, {label: number}, each written at its bar.

    A label that begins with "*" is drawn in the second colour and hatched, without its star.
    """
    names = [name.removeprefix("*") for name in values]
    figure, axes = _canvas((7, 0.7 + 0.34 * len(values)))
    colours = [_LINES[name.startswith("*")] for name in values]
    hatches = ["///" if name.startswith("*") else "" for name in values]
    look = {"color": colours, "hatch": hatches, "edgecolor": "white", "linewidth": 0}
    axes.barh(range(len(values)), list(values.values()), **look)
    for at, value in enumerate(values.values()):
        axes.text(value, at, f" {value:,}", va="center", fontsize=9)
    axes.set_yticks(range(len(values)), names)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(0, 1.15 * max([*values.values(), 1e-9]))
    _title(axes, f"{title or ''}{f', {unit}' if title and unit else unit}")
    told = ", ".join(
        f"{name} {value:,}" for name, value in zip(names, values.values(), strict=True)
    )
    return Picture(figure, f"{title or 'Bars'}{f', {unit}' if unit else ''}: {told}.")


def distribution(scores, maximum, *, title="Scores"):
    """How many scores lie in each tenth of the points, with the median as a line."""
    from statistics import median

    edges = [maximum * tenth / 10 for tenth in range(11)]
    tenths = [min(9, int(10 * score / maximum)) if maximum else 0 for score in scores]
    counts = [tenths.count(tenth) for tenth in range(10)]
    figure, axes = _canvas((7, 2.8))
    axes.bar(range(10), counts, width=0.92, color=_LINES[0])
    for at, count in enumerate(counts):
        if count:
            axes.text(at, count, str(count), ha="center", va="bottom", fontsize=9)
    axes.set_xticks([tenth - 0.5 for tenth in range(11)], [f"{edge:g}" for edge in edges])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("points")
    told = "no scores"
    if scores:
        middle = median(scores)
        axes.axvline(10 * middle / (maximum or 1) - 0.5, color=_LINES[1], linestyle="--")
        told = f"{len(scores)} scores, median {middle:g} of {maximum:g}; " + ", ".join(
            f"{edges[tenth]:g} to {edges[tenth + 1]:g}: {count}"
            for tenth, count in enumerate(counts)
            if count
        )
    _title(axes, f"{title} (dashed: the median)")
    return Picture(figure, f"{title}: {told}.")


def lines(series, *, x, y, log="", title=None):
    """Curves {label: (list of x, list of y)}; `x` and `y` say what the axes show, with units.

    `log` is "x", "y" or "xy" for logarithmic axes.
    """
    figure, axes = _canvas((7, 3.8))
    for number, (label, (across, up)) in enumerate(series.items()):
        marker = _MARKS[number % len(_MARKS)] if len(across) <= 40 else ""
        style = "-" if marker else ("-", "--", "-.", ":")[number % 4]
        colour = _LINES[number % len(_LINES)]
        axes.plot(across, up, style, marker=marker, markersize=4, color=colour, label=label)
    for axis in log:
        getattr(axes, f"set_{axis}scale")("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend()
    _title(axes, title or f"{y} against {x}")
    told = "; ".join(
        f"{label} from {up[0]:.6g} at {across[0]:.6g} to {up[-1]:.6g} at {across[-1]:.6g}"
        for label, (across, up) in series.items()
    )
    return Picture(figure, f"{title or f'{y} against {x}'}: {told}.")


def arrays(chosen, *, title="", digits=0):
    """Small 2-D arrays {caption: array} side by side, grey for the value, which stands in it."""
    import numpy as np

    chosen = {caption: np.asarray(array) for caption, array in chosen.items()}
    widths = [array.shape[1] for array in chosen.values()]
    tallest = max(array.shape[0] for array in chosen.values())
    ratios = {"width_ratios": widths}
    figure, _ = _canvas(
        (max(3, 0.45 * sum(widths) + 1), 0.45 * tallest + 0.9),
        1, len(chosen), gridspec_kw=ratios,
    )  # fmt: skip
    for axes, (caption, array) in zip(figure.panels, chosen.items(), strict=True):
        low, high = float(array.min()), float(array.max())
        axes.imshow(array, cmap="gray", vmin=low - 0.2 * (high - low) - 1e-9, vmax=high + 1e-9)
        for (row, column), value in np.ndenumerate(array):
            bright = value > (low + high) / 2 or low == high
            axes.text(
                column, row, f"{value:.{digits}f}", ha="center", va="center", fontsize=8,
                color="black" if bright else "white",
            )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(caption, fontsize=9)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    told = "; ".join(
        f"{caption}: " + " / ".join(" ".join(f"{v:.{digits}f}" for v in row) for row in array)
        for caption, array in chosen.items()
    )
    return Picture(figure, f"{title or 'Arrays'}. {told}.")


class Explorer:
    """A picture with sliders; without a live kernel or ipywidgets, the picture as it begins."""

    def __init__(self, draw, ranges):
        self.draw, self.ranges = draw, ranges
        self.picture = draw(**{name: start for name, (_, _, start, *_) in ranges.items()})

    def __repr__(self):
        return repr(self.picture)

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": repr(self.picture)}
        if still := self.picture._repr_html_():
            bundle["text/html"] = still
            bundle |= self._widget()
        return bundle

    def _widget(self):
        """The live controls, which a notebook prefers to the still picture beside them."""
        try:
            import ipywidgets
        except ImportError:
            return {}
        sliders = {
            name: ipywidgets.IntSlider(
                min=low, max=high, value=start, step=step[0] if step else 1,
                description=name.replace("_", " "), continuous_update=False,
            )
            for name, (low, high, start, *step) in self.ranges.items()
        }  # fmt: skip
        drawn = ipywidgets.interactive_output(self.draw_and_show, sliders)
        view = ipywidgets.VBox([*sliders.values(), drawn])
        return view._repr_mimebundle_() | {"text/plain": repr(self.picture)}

    def draw_and_show(self, **values):
        """What the sliders call."""
        from IPython.display import display

        display(self.draw(**values))


def explore(draw, **ranges):
    """A picture that changes with sliders: `draw(**values)` makes it from whole numbers.

    Each slider is (lowest, highest, start) or (lowest, highest, start, step):

        figures.explore(draw, kernel=(1, 11, 3), stride=(1, 4, 1))

    Where no widget can run (a printed page, a website) the picture of the start values stands.
    """
    return Explorer(draw, ranges)


# --- drawing -----------------------------------------------------------------------------------


class _Sketch:
    """A figure whose drawing is noted now and done when somebody looks: most are never looked at
    while a class is graded, and matplotlib takes its time."""

    def __init__(self, size, rows, columns, rest):
        self._make = {"figsize": size}, rows, columns, rest
        self._todo, self._figure = [], None
        self.panels = [_Pen(self, number) for number in range(rows * columns)]

    def suptitle(self, *args, **kwargs):
        """The figure's own title."""
        _Pen(self).suptitle(*args, **kwargs)

    def drawn(self):
        if self._figure is None:
            import matplotlib
            from matplotlib.figure import Figure

            size, rows, columns, rest = self._make
            with matplotlib.rc_context(_STYLE):
                self._figure = Figure(layout="constrained", **size)
                panels = self._figure.subplots(rows, columns, squeeze=False, **rest)
            for number, path, args, kwargs in self._todo:
                target = self._figure if number is None else panels.flat[number]
                for step in path:
                    target = target[step[0]] if isinstance(step, tuple) else getattr(target, step)
                target(*args, **kwargs)
        return self._figure


class _Pen:
    """The figure, or its panel of a number: what is called on it is noted in the sketch."""

    def __init__(self, sketch, number=None, path=()):
        self._of, self._number, self._path = sketch, number, path

    def __getattr__(self, name):
        return _Pen(self._of, self._number, (*self._path, name))

    def __getitem__(self, key):
        return _Pen(self._of, self._number, (*self._path, (key,)))

    def __call__(self, *args, **kwargs):
        self._of._todo.append((self._number, self._path, args, kwargs))


def _canvas(size, rows=1, columns=1, **rest):
    """A figure in the course's style that pyplot knows nothing of, and its panels.

    One panel is given by itself, several as a list. Drawing on them only notes what to draw.
    """
    sketch = _Sketch(size, rows, columns, rest)
    return sketch, sketch.panels[0] if rows * columns == 1 else sketch.panels


def _title(axes, text):
    axes.set_title(text, loc="left", fontsize=11, fontweight="bold")


def _bar(axes, x, y, height, colour):
    """A vector. Returns the width that it takes."""
    from matplotlib.patches import Rectangle

    look = {"facecolor": colour, "edgecolor": "black", "linewidth": 0.7}
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


def _by(shape):
    return "×".join(map(str, shape))


def _wrapped(text):
    """The words of a step on short lines, broken at its commas."""
    return "\n".join(part.strip() for part in text.replace("convolution", "conv").split(","))


def _tiles(pictures, captions, title, limits=None):
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, _ = _canvas((1.25 * columns, 1.45 * rows + 0.3), rows, columns)
    low, high = limits or (None, None)
    for at, panel in enumerate(figure.panels):
        panel.axis("off")
        if at < len(pictures):
            panel.imshow(pictures[at], cmap="gray", vmin=low, vmax=high)
            panel.set_title(captions[at], fontsize=8, fontweight="normal")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def _layer(model, name, kind):
    """A layer by its name, or the first of a kind."""
    names = [layer.name for layer in model.layers]
    for layer in model.layers:
        if layer.name == name or (name is None and type(layer).__name__ == kind):
            return layer
    wanted = f"a layer named {name!r}" if name else f"a {kind}"
    raise ValueError(f"{model.name} should have {wanted}. It has: {', '.join(names)}.")
