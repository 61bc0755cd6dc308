"""Pictures: what they say in words, and that they can be read."""

import subprocess
import sys
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.backends.backend_agg import FigureCanvasAgg

from course import figures
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998
from course.evidence import weightless


def small():
    return keras.Sequential(
        [keras.Input((12, 12, 1)), layers.Conv2D(4, 3, name="C1"), layers.Conv2D(2, 3, name="C2")],
        name="small",
    )


def all_pictures():
    model, image = small(), np.random.default_rng(0).random((12, 12, 1))
    run = {"accuracy": [0.5, 0.7], "val_accuracy": [0.4, 0.6]}
    return {
        "architecture": figures.architecture(LENET5),
        "cost": figures.cost(LENET5),
        "sizes": figures.sizes(LENET5),
        "connections": figures.connections(C3_CONNECTIONS),
        "feature maps": figures.feature_maps(model, image),
        "filters": figures.filters(model),
        "curves": figures.curves({"one": [run, run], "other": run}),
        "images": figures.images([image, image], [3, 4], [3, 5]),
        "functions": figures.functions({"tanh": np.tanh}),
    }


PICTURES = all_pictures()


class Images(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_an_alternative_text_in_every_form(name):
    picture = PICTURES[name]
    page = Images()
    page.feed(picture._repr_html_())
    (image,) = page.found
    assert image["alt"] == picture.alt and len(picture.alt) > 20
    assert image["src"].startswith("data:image/png;base64,")
    assert picture.alt in repr(picture)


def test_texts_say_the_numbers():
    assert "C1 28×28×6, S2 14×14×6, C3 10×10×16" in PICTURES["architecture"].alt
    assert "48,120 of 61,706" in PICTURES["cost"].alt
    assert "240,000 of 416,520" in PICTURES["cost"].alt
    assert "60 of 96 pairs" in PICTURES["connections"].alt
    assert "15 sees 0, 1, 2, 3, 4, 5" in PICTURES["connections"].alt
    assert "one ends between 0.6000 and 0.6000" in PICTURES["curves"].alt
    assert "✓ 3; ✗ 5, it is 4" in PICTURES["images"].alt


def test_names_are_escaped():
    picture = figures.functions({'<script>alert("x")</script>': np.tanh})
    page = picture._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def vgg16():
    with weightless() as keras:
        return figures.architecture(keras.applications.VGG16(weights=None))


@pytest.mark.parametrize(
    "draw", [lambda: figures.architecture(LENET5), lambda: figures.architecture(LENET5_1998), vgg16]
)
def test_labels_do_not_cover_each_other(draw):
    figure = draw().figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [t.get_window_extent(renderer) for axes in figure.axes for t in axes.texts]
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert not box.overlaps(other)


def test_nothing_is_left_with_pyplot():
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_an_unknown_layer_lists_those_there_are():
    with pytest.raises(ValueError, match=r"should have a layer named 'conv9'.*C1, C2"):
        figures.filters(small(), "conv9")
    with pytest.raises(ValueError, match=r"C2 should read an image of 1 or 3 channels.*It reads 4"):
        figures.filters(small(), "C2")


def test_importing_the_package_costs_nothing():
    code = (
        "import sys, course, course.figures, course.check, course.diagnosis, course.data;"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'nbgrader', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
