"""What a network costs and how far it sees, row by row; tables of connections."""

from __future__ import annotations

from course.anatomy import anatomy
from course.kit.figures.pictures import FAINT, INK, LINES, Picture, canvas, set_title
from course.kit.figures.stages import COLOURS, Stage, joined, side_of
from course.network.words import WINDOWS

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Sequence


_MOST_BARS = 40  # of a network with more rows, the bars are stages


def cost(network: object, *, title: str | None = None) -> Picture:
    """Parameters and multiply-accumulates of each row, side by side: weights against work.

    Of a network with more than 40 rows, the bars are stages: the rows whose maps have one size.
    """
    rows = anatomy(network)
    stages, height = [Stage([step]) for step in rows], 0.32  # inches of a bar
    if len(rows) > _MOST_BARS:
        stages, height = joined(stages), 0.5  # their names have two lines
    # Without weights and work, as of pools alone, all rows stay, with zeros.
    stages = [s for s in stages if s.total("parameters") or s.total("macs")] or stages
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
            share = value / total if total else 0
            axes.text(value, at, f" {value:,} ({share:.0%})", va="center", fontsize=8)
        set_title(axes, f"{total:,} {words}")
        axes.set_xlim(0, 1.55 * max(*values, 1))
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        most = max(range(len(stages)), key=values.__getitem__)
        where = " ".join(stages[most].name.split())
        said = f"most {words} are in {where}, {values[most]:,} of {total:,}"
        texts.append(said if total else f"no {words}")
    panels[0].set_yticks(range(len(stages)), [stage.name for stage in stages])
    panels[0].invert_yaxis()
    figure.suptitle(title or rows.name)
    return Picture(figure, f"{title or rows.name}: {'; '.join(texts)}.")


def receptive_field(network: object, *, title: str | None = None) -> Picture:
    """The side of the input patch that one output value sees, growing row by row.

    Rows that see no further than their input (additions, activations, normalisations) are left
    out. The last point is the first row whose output is a vector: it sees all of the last map.
    """
    rows = anatomy(network)
    image = rows.inputs[0].grid[0]
    kinds = (*WINDOWS, "upsample", "attention")
    steps = [s for s in rows if s.step in kinds and s.grid != (1, 1)]
    steps = [s for s in steps if len(s.grid) == 2 or s.step == "attention"]
    steps += [s for s in rows if s.grid == (1, 1)][:1]
    names, seen = [step.name for step in steps], [step.receptive_field for step in steps]
    figure, axes = canvas((min(7.4, 3 + 0.28 * len(steps)), 3.4))
    axes.plot(range(len(steps)), seen, color=LINES[0], linewidth=1)
    for label, mark, colour in (
        ("convolution", "o", COLOURS["conv"]),
        ("pooling", "s", COLOURS["max_pool"]),
        ("upsampling", "^", COLOURS["conv_transpose"]),
        ("the whole map", "D", COLOURS["dense"]),
    ):
        at = [i for i, step in enumerate(steps) if _sees(step) == label]
        if at or label != "upsampling":  # which few networks have
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
    if step.grid == (1, 1) or step.step == "attention":
        return "the whole map"
    if step.step in ("conv_transpose", "upsample"):
        return "upsampling"
    return "convolution" if step.step == "conv" else "pooling"


def sizes(network: object, *, title: str | None = None) -> Picture:
    """Height and width against the number of maps, from the input to the last map."""
    rows = anatomy(network)
    steps = [rows.inputs[0].parts[0][0], *(step for step in rows if step.grid != (1, 1))]
    names = [step.name for step in steps]
    figure, axes = canvas((7, 3.2))
    for label, values, marker, colour in (
        ("height = width, in pixels", [round(side_of(step)) for step in steps], "o-", LINES[0]),
        ("maps", [step.filters for step in steps], "s--", LINES[1]),
    ):
        axes.plot(names, values, marker, color=colour, label=label)
        for at, value in enumerate(values):
            if at and value == values[at - 1]:
                continue  # a number for each change is enough
            offset = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center"}
            axes.annotate(str(value), (at, value), **offset)
    axes.set_yscale("log", base=2)
    axes.set_ylim(0.7, 1.6 * max(max(side_of(step), step.filters) for step in steps))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if len(steps) > 10:
        axes.tick_params(axis="x", rotation=90)
    axes.legend()
    set_title(axes, title or f"{rows.name}: fewer pixels, more maps")
    told = ", ".join(f"{s.name} {round(side_of(s))} pixels and {s.filters} maps" for s in steps)
    return Picture(figure, f"{rows.name}, sizes from input to the last map: {told}.")


def connections(
    table: Sequence[Sequence[int]], *, rows: str = "map of S2", columns: str = "map of C3",
    title: str | None = None,
) -> Picture:  # fmt: skip
    """A connection table: × where a map (column) sees a map of the row before it.

    `table` lists for each map the input maps that it sees.
    """
    inputs = 1 + max(max(seen) for seen in table)
    title = title or "× where one map sees the other"
    figure, axes = canvas((0.42 * len(table) + 1, 0.42 * inputs + 1))
    for column, seen in enumerate(table):
        for row in seen:
            axes.text(column, row, "×", ha="center", va="center", fontsize=13, color=LINES[0])
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.set_ylim(inputs - 0.5, -0.5)
    axes.set_xticks(range(len(table)))
    axes.set_yticks(range(inputs))
    axes.set_xticks([x - 0.5 for x in range(len(table) + 1)], minor=True)
    axes.set_yticks([y - 0.5 for y in range(inputs + 1)], minor=True)
    axes.grid(which="minor", **FAINT)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)
    set_title(axes, title)
    told = "; ".join(f"{at} sees {', '.join(map(str, seen))}" for at, seen in enumerate(table))
    return Picture(figure, f"{title}. Table of {len(table)} × {inputs} maps; {columns}: {told}.")
