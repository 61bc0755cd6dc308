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
from course.architectures.googlenet import INCEPTION_BOTTLENECK
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998
from course.architectures.resnet import RESNET50
from course.architectures.vgg import VGG16
from course.evidence import weightless

POINTS = [
    {"name": "one", "MACs": 10, "top-1 %": 50.0, "parameters": 3},
    {"name": "other", "MACs": 1000, "top-1 %": 60.0, "parameters": 9},
]


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
        "architecture in stages": figures.architecture(RESNET50),
        "architecture with branches": figures.architecture(INCEPTION_BOTTLENECK),
        "cost": figures.cost(LENET5),
        "cost in stages": figures.cost(RESNET50),
        "receptive field": figures.receptive_field(VGG16),
        "scatter": figures.scatter(POINTS, x="MACs", y="top-1 %", size="parameters", log="x"),
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


def test_stages_are_the_sizes_of_the_maps_and_lose_nothing():
    text = PICTURES["cost in stages"].alt
    assert "most parameters are in conv5_1_1 to conv5_3, 14,987,264 of 25,610,152" in text
    assert "of 3,857,973,248" in text
    assert len(PICTURES["cost in stages"].figure.axes[0].patches) == 6


def test_a_picture_with_branches_says_who_reads_what():
    text = PICTURES["architecture with branches"].alt
    assert (
        "inception_5x5 (convolution 5 × 5, padding 2, relu, 28×28×96) reads inception_5x5_reduce"
        in text
    )
    assert "reads inception_1x1 and inception_3x3 and inception_5x5 and inception_pool_proj" in text


def test_the_receptive_field_grows_to_what_the_table_says():
    text = PICTURES["receptive field"].alt
    assert "conv1_1 3, conv1_2 5, pool1 6" in text and "pool5 212 pixels" in text


def test_a_point_without_a_number_is_named():
    with pytest.raises(ValueError, match=r"other lacks parameters"):
        figures.scatter(
            [POINTS[0], {**POINTS[1], "parameters": None}], x="MACs", y="top-1 %", size="parameters"
        )
