"""A drawing with a slider for each of its numbers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable, Mapping

    from course.kit.figures.pictures import Picture


class Explorer:
    """A picture with sliders; without a kernel or ipywidgets, the picture of the start values."""

    def __init__(self, draw: Callable[..., Picture], ranges: Mapping[str, tuple[int, ...]]) -> None:
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
        """Draw the picture for the sliders' values; the sliders call this."""
        from IPython.display import display

        display(self.draw(**values))


def explore(draw: Callable[..., Picture], **ranges: tuple[int, ...]) -> Explorer:
    """A picture that changes with sliders: `draw(**values)` makes it from whole numbers.

    Each slider is (lowest, highest, start) or (lowest, highest, start, step):

        figures.explore(draw, kernel=(1, 11, 3), stride=(1, 4, 1))

    Where no widget can run (a printed page, a website), the picture of the start values is shown.
    """
    return Explorer(draw, ranges)
