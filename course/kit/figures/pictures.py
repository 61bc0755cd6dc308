"""The basis of every picture: one style, an alternative text, the colours of the page.

A picture in a notebook is an SVG without a background whose text and axes have the colour of the
page's text, so that it can be read on a light page and on a dark one. Its other colours are mixed
with that colour.
"""

from __future__ import annotations

import io
import re
import sys
from html import escape
from os import environ
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from os import PathLike

    from matplotlib.figure import Figure


INK = "#010203"  # text, axes and arrows; on a page it becomes the colour of the page's text
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
PALETTE = (*LINES, "#DCCB1A", "#999999")  # on a page, each is mixed with the text's colour
FAINT = {"color": INK, "alpha": 0.25}

_STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.hashsalt": "course",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
}


_COLOUR = re.compile(f"(fill|stroke): ({'|'.join(PALETTE).lower()})")


class Picture:
    """A matplotlib figure with the text that says what it shows.

    `figure` is the matplotlib Figure, drawn when it is first looked at; `alt` is the text.
    `save(path)` writes it in the format of the path's ending.
    """

    def __init__(self, sketch: _Sketch, alt: str) -> None:
        self._sketch, self.alt = sketch, alt

    @property
    def figure(self) -> Figure:
        """The matplotlib Figure."""
        return self._sketch.drawn()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file: .png, .svg or .pdf."""
        self._sketch.write(path, dpi=150, facecolor="white")

    def __repr__(self):
        return f"[Picture: {self.alt}]"

    def _repr_html_(self):
        if "NBGRADER_EXECUTION" in environ:  # a grader reads only the text, and drawing is slow
            return None
        data = io.StringIO()
        nobody = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self._sketch.write(data, format="svg", dpi=144, metadata=nobody)
        return _on_a_page(data.getvalue(), self.alt)


def _on_a_page(svg, alt):
    """An SVG file as a part of an HTML page, with its text, in the page's colours."""
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    # Darker on a light page, lighter on a dark one. A browser that cannot mix takes the first.
    svg = _COLOUR.sub(r"\g<0>; \1: color-mix(in srgb, \2 60%, currentColor)", svg)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # Ids must be unique on a page, which has many pictures.
    mark = f"p{crc32(svg.encode()):08x}-"
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{mark}", svg)
    look = 'style="max-width:100%;height:auto"'
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}" {look}', 1)


class _Sketch:
    """A figure that records the calls of matplotlib and makes them when the figure is shown.

    In grading most figures are never shown, and matplotlib is slow.
    """

    def __init__(self, size, rows, columns, rest):
        self._make = {"figsize": size}, rows, columns, rest
        self._todo, self._figure = [], None  # functions of the figure and its panels; the figure
        self.panels = [_Pen(self, number) for number in range(rows * columns)]

    def suptitle(self, text, **look):
        """The figure's own title, at the left."""
        _Pen(self).suptitle(text, x=0.01, ha="left", fontweight="bold", **look)

    def drawn(self):
        if self._figure is None:
            import matplotlib
            from matplotlib.figure import Figure

            size, rows, columns, rest = self._make
            with matplotlib.rc_context(_STYLE):
                figure = Figure(layout="constrained", **size)
                panels = figure.subplots(rows, columns, squeeze=False, **rest)
                for call in self._todo:
                    call(figure, panels.flat)
            self._figure = figure
        return self._figure

    def write(self, target, **options):
        """Write the figure to a path or an open file; ticks are made only now, in the style."""
        figure = self.drawn()
        import matplotlib

        with matplotlib.rc_context(_STYLE):
            figure.savefig(target, bbox_inches="tight", **options)


class _Pen:
    """Stands for the figure or one of its panels; records in the sketch what is called on it."""

    def __init__(self, sketch, number=None, path=()):
        self._of, self._number, self._path = sketch, number, path

    def __getattr__(self, name):
        return _Pen(self._of, self._number, (*self._path, name))

    def __getitem__(self, key):
        return _Pen(self._of, self._number, (*self._path, (key,)))

    def __call__(self, *args, **kwargs):
        caller = sys._getframe(1)
        place = f"{caller.f_code.co_filename}, line {caller.f_lineno}"

        def call(figure, panels):
            try:
                target = figure if self._number is None else panels[self._number]
                for step in self._path:
                    named = isinstance(step, str)
                    target = getattr(target, step) if named else target[step[0]]
                target(*args, **kwargs)
            except Exception as error:  # raised when the picture is shown
                error.add_note(f"This part of the picture was drawn in {place}.")
                raise

        self._of._todo.append(call)


def canvas(size, rows=1, columns=1, **rest):
    """(figure, panels) in the course's style, independent of pyplot.

    One panel is returned as such, several as a list. Calls on them are recorded, not yet drawn.
    """
    sketch = _Sketch(size, rows, columns, rest)
    return sketch, sketch.panels[0] if rows * columns == 1 else sketch.panels


def set_title(axes, text):
    """A panel's title."""
    axes.set_title(text, loc="left", fontsize=11, fontweight="bold")
