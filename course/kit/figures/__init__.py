"""Every picture of the course, in one style, each with a text that says what it shows.

    figures.architecture(model)     # or a published Table: drawn from its anatomy
    figures.cost(model)             # where the weights are, where the work is
    figures.curves(runs)            # training curves, a line for each seed

A function returns a `Picture`, which a notebook shows with its alternative text. matplotlib is
imported when something is drawn.
"""

from course.kit.figures.blueprint import architecture
from course.kit.figures.charts import bars, curves, functions, lines, scatter
from course.kit.figures.costs import connections, cost, receptive_field, sizes
from course.kit.figures.explorer import Explorer, explore
from course.kit.figures.pictures import Picture
from course.kit.figures.tiles import arrays, feature_maps, filters, images
from course.kit.figures.window import window

__all__ = [
    "Explorer", "Picture", "architecture", "arrays", "bars", "connections", "cost", "curves",
    "explore", "feature_maps", "filters", "functions", "images", "lines",
    "receptive_field", "scatter", "sizes", "window",
]  # fmt: skip
