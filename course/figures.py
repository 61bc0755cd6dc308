"""Every picture of the course, in one style, each with a text that says what it shows.

    figures.architecture(model)     # or a published Table: drawn from its anatomy
    figures.cost(model)             # where the weights are, where the work is
    figures.curves(runs)            # training curves, a line for each seed

A function returns a `Picture`, which a notebook shows with its alternative text. matplotlib is
imported when something is drawn.
"""

import base64
import io
from html import escape
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
_ARROW = {"arrowstyle": "->", "color": "#555555", "linewidth": 0.9}
_SHEETS = 8  # at most so many maps are drawn of a stack
_BOXES = 10  # in one line of a drawn architecture
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

    `figure` is the matplotlib Figure, `alt` the text. `save(path)` writes it in the format of the
    path's ending.
    """

    def __init__(self, figure, alt):
        self.figure, self.alt = figure, alt

    def save(self, path):
        """Write the picture to a file: .png, .svg or .pdf."""
        self.figure.savefig(path, dpi=150, bbox_inches="tight")

    def __repr__(self):
        return f"[Picture: {self.alt}]"

    def _repr_html_(self):
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
    a map of 224 and one of 7 fit into one picture.
    """
    rows = anatomy(network)
    steps = [(rows.inputs[0].parts[0][0], "input"), *((step, step.does()) for step in rows)]
    lines = -(-len(steps) // _BOXES)
    figure, axes = _canvas((1.25 * min(len(steps), _BOXES), 2.6 * lines))
    tallest = max(step.grid[0] for step, _ in steps)
    x, y, widest = 0.0, 0.0, 0.0
    for number, (step, does) in enumerate(steps):
        if number and number % _BOXES == 0:
            x, y = 0.0, y - 2.3
        side, sheets = 0.85 * sqrt(step.grid[0] / tallest), min(step.filters, _SHEETS)
        colour = _COLOURS.get(step.step, "#CC79A7")
        if step.grid == (1, 1):  # a vector: a thin bar whose height is its length
            width = _bar(axes, x, y, 0.2 + 0.06 * log2(step.filters), colour)
        else:
            width = _stack(axes, x, y, side, sheets, 0.12 + 0.07 * log2(step.filters + 1), colour)
        shape = "×".join(map(str, step.shape))
        below = f"{step.name}\n{shape}"
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
    shapes = ", ".join(f"{s.name} {'×'.join(map(str, s.shape))}" for s, _ in steps)
    return Picture(figure, f"{title or rows.name} from input to output: {shapes}.")


def cost(network, *, title=None):
    """Parameters and multiply-accumulates of each row, side by side: weights against work."""
    rows = anatomy(network)
    steps = [step for step in rows if step.parameters or step.macs]
    figure, panels = _canvas((8, 0.6 + 0.32 * len(steps)), 1, 2, sharey=True)
    texts = []
    for axes, measure, words in zip(
        panels, ("parameters", "macs"), ("parameters", "multiply-accumulates"), strict=True
    ):
        values = [getattr(step, measure) for step in steps]
        total = sum(values)
        axes.barh(range(len(steps)), values, color=[_COLOURS.get(s.step, "#CC79A7") for s in steps])
        for at, value in enumerate(values):
            axes.text(value, at, f" {value:,} ({value / total:.0%})", va="center", fontsize=8)
        _title(axes, f"{total:,} {words}")
        axes.set_xlim(0, 1.55 * max(values))
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        largest = max(steps, key=lambda step: getattr(step, measure))
        texts.append(
            f"most {words} are in {largest.name}, {getattr(largest, measure):,} of {total:,}"
        )
    panels[0].set_yticks(range(len(steps)), [step.name for step in steps])
    panels[0].invert_yaxis()
    figure.suptitle(title or rows.name, x=0.01, ha="left", fontweight="bold")
    return Picture(figure, f"{title or rows.name}: {'; '.join(texts)}.")


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
    dashed; each seed has a thin line.
    """
    figure, axes = _canvas((7, 3.6))
    told = []
    for (label, histories), colour in zip(runs.items(), _LINES * 9, strict=False):
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
                axes.plot(epochs, values, style, color=colour, linewidth=1.1, label=named)
            ends.append(history.get(f"val_{measure}", history.get(measure, [0]))[-1])
        told.append(f"{label} ends between {min(ends):.4f} and {max(ends):.4f}")
    axes.plot([], [], "-", color="#555555", label="test")
    axes.plot([], [], "--", color="#555555", label="training")
    axes.set_xlabel("epoch")
    axes.set_ylabel(measure)
    axes.xaxis.get_major_locator().set_params(integer=True)
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


# --- drawing -----------------------------------------------------------------------------------


def _canvas(size, rows=1, columns=1, **rest):
    """A figure in the course's style that pyplot knows nothing of, and its axes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.subplots(rows, columns, **rest)


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


def _wrapped(text):
    """The words of a step on short lines, broken at its commas."""
    return "\n".join(part.strip() for part in text.replace("convolution", "conv").split(","))


def _tiles(pictures, captions, title, limits=None):
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, axes = _canvas((1.25 * columns, 1.45 * rows + 0.3), rows, columns, squeeze=False)
    low, high = limits or (None, None)
    for at, panel in enumerate(axes.flat):
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
