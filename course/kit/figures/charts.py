"""Curves, bars and points: what was measured."""

from __future__ import annotations

from math import sqrt

from course.kit.figures.pictures import FAINT, INK, LINES, Picture, canvas, set_title

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


_MARKS = "os^Dv<"  # beside the colours, for pages that are printed in grey


def scatter(
    points: Sequence[Mapping[str, Any]], *, x: str, y: str, size: str | None = None, log: str = "",
    title: str | None = None,
) -> Picture:  # fmt: skip
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
        look = {"color": LINES[number % len(LINES)], "edgecolor": INK, "linewidth": 0.6}
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


def curves(
    runs: Mapping[str, Any], *, measure: str = "accuracy", title: str | None = None
) -> Picture:
    """Training curves: {label: history, or a list of histories, one for each seed}.

    A history is what `fit` returns, or its dict of lists. Test curves are solid, training curves
    dashed; each seed has a thin line, each label a marker of its own.
    """
    figure, axes = canvas((7, 3.6))
    told = []
    for place, (label, histories) in enumerate(runs.items()):
        colour, mark = LINES[place % len(LINES)], _MARKS[place % len(_MARKS)]
        histories = histories if isinstance(histories, list) else [histories]
        histories = [getattr(history, "history", history) for history in histories]
        for number, history in enumerate(histories):
            both = ((measure, "--"), (f"val_{measure}", "-"))
            there = [(key, style) for key, style in both if key in history]
            for key, style in there:
                values = history[key]
                named = label if number == 0 and key == there[-1][0] else None
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


def functions(
    chosen: Mapping[str, Callable[[Any], Any]], *, low: float = -3.0, high: float = 3.0,
    title: str = "Activation functions",
) -> Picture:  # fmt: skip
    """Functions of one number, {name: function of an array}, drawn into one picture."""
    import numpy as np

    x = np.linspace(low, high, 301)
    figure, axes = canvas((6, 3.4))
    styles = ("-", "--", "-.", ":")
    for number, (name, function) in enumerate(chosen.items()):
        colour, style = LINES[number % len(LINES)], styles[number % len(styles)]
        axes.plot(x, function(x), style, color=colour, label=name)
    axes.axhline(0, **FAINT, linewidth=0.8, zorder=0)
    axes.axvline(0, **FAINT, linewidth=0.8, zorder=0)
    axes.legend()
    set_title(axes, title)
    return Picture(figure, f"{title} from {low:g} to {high:g}: {', '.join(chosen)}.")


def bars(values: Mapping[str, float], *, unit: str = "", title: str | None = None) -> Picture:
    """Numbers side by side, {label: number}, each written at its bar.

    A label that begins with "*" is drawn in the second colour and hatched, without its star.
    """
    names = [name.removeprefix("*") for name in values]
    figure, axes = canvas((7, 0.7 + 0.34 * len(values)))
    colours = [LINES[name.startswith("*")] for name in values]
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


def lines(
    series: Mapping[str, tuple[Any, Any]],
    *,
    x: str,
    y: str,
    log: str = "",
    title: str | None = None,
) -> Picture:
    """Curves {label: (list of x, list of y)}; `x` and `y` say what the axes show, with units.

    `log` is "x", "y" or "xy" for logarithmic axes.
    """
    figure, axes = canvas((7, 3.8))
    for number, (label, (across, up)) in enumerate(series.items()):
        marker = _MARKS[number % len(_MARKS)] if len(across) <= 40 else ""
        style = "-" if marker else ("-", "--", "-.", ":")[number % 4]
        colour = LINES[number % len(LINES)]
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
