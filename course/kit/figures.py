"""Every picture of the course, in one style, each with a text that says what it shows.

    figures.architecture(model)     # or a published Table: drawn from its anatomy
    figures.cost(model)             # where the weights are, where the work is
    figures.curves(runs)            # training curves, a line for each seed

A function returns a `Picture`, which a notebook shows with its alternative text. matplotlib is
imported when something is drawn.
"""

from math import sqrt

from course.anatomy import anatomy
from course.kit.blueprint import COLOURS, Stage, architecture, joined
from course.kit.pictures import INK, Picture, canvas
from course.kit.pictures import title as set_title

__all__ = [
    "Explorer", "Picture", "architecture", "arrays", "bars", "connections", "cost", "curves",
    "explore", "feature_maps", "filters", "functions", "images", "lines",
    "receptive_field", "scatter", "sizes",
]  # fmt: skip

_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = "os^Dv<"  # beside the colours, for pages that are printed in grey
_MOST_BARS = 40  # of a network with more rows, the bars are stages
_FAINT = {"color": INK, "alpha": 0.25}


def cost(network, *, title=None):
    """Parameters and multiply-accumulates of each row, side by side: weights against work.

    Of a network with more than 40 rows, the bars are stages: the rows whose maps have one size.
    """
    rows = anatomy(network)
    stages = [Stage([step]) for step in rows]
    if len(rows) > _MOST_BARS:
        stages = joined(stages)
    stages = [stage for stage in stages if stage.total("parameters") or stage.total("macs")]
    height = 0.32 if len(rows) <= _MOST_BARS else 0.5
    figure, panels = canvas((7.4, 0.6 + height * len(stages)), 1, 2, sharey=True)
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
        set_title(axes, f"{total:,} {words}")
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

    Rows that look at nothing new (additions, activations, normalisations) are left out. The last
    row is the first one without a place: it sees all of the last map.
    """
    rows = anatomy(network)
    image = rows.inputs[0].grid[0]
    kinds = ("conv", "max_pool", "average_pool")
    steps = [s for s in rows if s.step in kinds and s.grid != (1, 1)]
    steps += [s for s in rows if s.grid == (1, 1)][:1]
    names, seen = [step.name for step in steps], [step.receptive_field for step in steps]
    figure, axes = canvas((min(7.4, 3 + 0.28 * len(steps)), 3.4))
    axes.plot(range(len(steps)), seen, color=_LINES[0], linewidth=1)
    for label, mark, colour in (
        ("convolution", "o", COLOURS["conv"]),
        ("pooling", "s", COLOURS["max_pool"]),
        ("the whole map", "D", COLOURS["dense"]),
    ):
        at = [i for i, step in enumerate(steps) if _sees(step) == label]
        axes.plot(at, [seen[i] for i in at], mark, color=colour, label=label)
    axes.axhline(image, color=INK, linewidth=0.9, linestyle="--")
    axes.text(0, image, f"the whole image, {image} pixels", va="bottom", fontsize=8)
    every = -(-len(steps) // 30)
    ticks = [i for i in range(len(steps)) if (len(steps) - 1 - i) % every == 0]
    axes.set_xticks(ticks, [names[i] for i in ticks], rotation=90, fontsize=8)
    axes.set_ylabel("pixels of the input, one side")
    axes.set_ylim(0, 1.12 * max(image, *seen))
    axes.legend(loc="lower right")
    set_title(axes, title or f"{rows.name}: what one value sees")
    told = ", ".join(f"{names[i]} {seen[i]}" for i in ticks)
    alt = f"{rows.name}, side of the input patch that one value sees: {told} pixels"
    return Picture(figure, f"{alt}; the image has {image}.")


def _sees(step):
    if step.grid == (1, 1):
        return "the whole map"
    return "convolution" if step.step == "conv" else "pooling"


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
    figure, axes = canvas((7, 4.6))
    largest = max((point[size] for point in points), default=1) if size else 1
    for number, point in enumerate(points):
        area = 60 + 900 * point[size] / largest if size else 60
        look = {"color": _LINES[number % len(_LINES)], "edgecolor": INK, "linewidth": 0.6}
        axes.scatter(point[x], point[y], s=area, alpha=0.6, **look)
        offset = {"xytext": (4 + sqrt(area) / 2, 3), "textcoords": "offset points"}
        axes.annotate(point["name"], (point[x], point[y]), fontsize=8, **offset)
    for axis in log:
        getattr(axes, f"set_{axis}scale")("log")
    axes.margins(0.15)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    set_title(axes, title or f"{y} against {x}" + (f"; area: {size}" if size else ""))
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
    figure, axes = canvas((7, 3.2))
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
    set_title(axes, title or f"{rows.name}: fewer pixels, more maps")
    told = ", ".join(f"{s.name} {s.grid[0]} pixels and {s.filters} maps" for s in steps)
    return Picture(figure, f"{rows.name}, sizes from input to the last map: {told}.")


def connections(table, *, rows="map of S2", columns="map of C3", title=None):
    """A connection table: × where a map (column) sees a map of the row before it.

    `table` lists for each map the input maps that it sees.
    """
    inputs = 1 + max(max(seen) for seen in table)
    figure, axes = canvas((0.42 * len(table) + 1, 0.42 * inputs + 1))
    for column, seen in enumerate(table):
        for row in seen:
            axes.text(column, row, "×", ha="center", va="center", fontsize=13, color=_LINES[0])
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.set_ylim(inputs - 0.5, -0.5)
    axes.set_xticks(range(len(table)))
    axes.set_yticks(range(inputs))
    axes.set_xticks([x - 0.5 for x in range(len(table) + 1)], minor=True)
    axes.set_yticks([y - 0.5 for y in range(inputs + 1)], minor=True)
    axes.grid(which="minor", **_FAINT)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)
    set_title(axes, title := title or "× where one map sees the other")
    told = "; ".join(f"{at} sees {', '.join(map(str, seen))}" for at, seen in enumerate(table))
    return Picture(figure, f"{title}. Table of {len(table)} × {inputs} maps; {columns}: {told}.")


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
    figure, axes = canvas((7, 3.6))
    told = []
    for place, (label, histories) in enumerate(runs.items()):
        colour, mark = _LINES[place % len(_LINES)], _MARKS[place % len(_MARKS)]
        histories = histories if isinstance(histories, list) else [histories]
        histories = [getattr(history, "history", history) for history in histories]
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
        ends = {
            part: [history[key][-1] for history in histories if history.get(key)]
            for part, key in (("training", measure), ("test", f"val_{measure}"))
        }
        said = [
            f"{part} ends between {min(values):.4f} and {max(values):.4f}"
            for part, values in ends.items()
            if values
        ]
        told.append(f"{label}: {', '.join(said)}")
    axes.plot([], [], "-", color=INK, label="test")
    axes.plot([], [], "--", color=INK, label="training")
    axes.set_xlabel("epoch")
    axes.set_ylabel(measure)
    axes.locator_params(axis="x", integer=True)
    axes.legend(fontsize=9)
    set_title(axes, title or f"{measure}, epoch by epoch")
    return Picture(figure, f"Training curves of {measure}: {'; '.join(told)}.")


def functions(chosen, *, low=-3.0, high=3.0, title="Activation functions"):
    """Functions of one number, {name: function of an array}, drawn into one picture."""
    import numpy as np

    x = np.linspace(low, high, 301)
    figure, axes = canvas((6, 3.4))
    styles = ("-", "--", "-.", ":")
    for number, (name, function) in enumerate(chosen.items()):
        colour, style = _LINES[number % len(_LINES)], styles[number % len(styles)]
        axes.plot(x, function(x), style, color=colour, label=name)
    axes.axhline(0, **_FAINT, linewidth=0.8, zorder=0)
    axes.axvline(0, **_FAINT, linewidth=0.8, zorder=0)
    axes.legend()
    set_title(axes, title)
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
    figure, axes = canvas((7, 0.7 + 0.34 * len(values)))
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
    set_title(axes, f"{title or ''}{f', {unit}' if title and unit else unit}")
    told = ", ".join(
        f"{name} {value:,}" for name, value in zip(names, values.values(), strict=True)
    )
    return Picture(figure, f"{title or 'Bars'}{f', {unit}' if unit else ''}: {told}.")


def lines(series, *, x, y, log="", title=None):
    """Curves {label: (list of x, list of y)}; `x` and `y` say what the axes show, with units.

    `log` is "x", "y" or "xy" for logarithmic axes.
    """
    figure, axes = canvas((7, 3.8))
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
    set_title(axes, title or f"{y} against {x}")
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
    figure, _ = canvas(
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


def _tiles(pictures, captions, title, limits=None):
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, _ = canvas((1.25 * columns, 1.45 * rows + 0.3), rows, columns)
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
