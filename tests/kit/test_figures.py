"""Pictures: what they say in words, and that they can be read."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from course.anatomy import anatomy
from course.architectures.googlenet import GOOGLENET, GOOGLENET_TRAINING, INCEPTION_BOTTLENECK
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998
from course.architectures.resnet import RESNET34, RESNET50, RESNET152
from course.architectures.vgg import VGG16
from course.evidence.observe import weightless
from course.kit import figures
from course.kit.figures.pictures import INK, Picture, canvas

BLOCK = RESNET34.part("conv3_1_1", "conv3_1", input_shape=(56, 56, 64))

POINTS = [
    {"name": "one", "MACs": 10, "top-1 %": 50.0, "parameters": 3},
    {"name": "other", "MACs": 1000, "top-1 %": 60.0, "parameters": 9},
]


PHOTO = np.random.default_rng(0).integers(0, 4, (6, 6, 3))
KERNEL = np.random.default_rng(1).integers(-1, 2, (3, 3, 3))


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
NUMBERS = {  # black and white numbers, each on a grey of its own
    "arrays": figures.arrays({"photo": PHOTO[..., 0]}),
    "window": figures.window(PHOTO, KERNEL, position=9, padding=1),
    "window backwards": figures.window(PHOTO, KERNEL, stride=2, channel=2, backwards=True),
}


class Images(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "svg":
            self.found.append(dict(attrs))


@pytest.mark.parametrize("name", PICTURES | NUMBERS)
def test_a_picture_has_an_alternative_text_in_every_form(name):
    picture = (PICTURES | NUMBERS)[name]
    page = Images()
    page.feed(picture._repr_html_())
    (image,) = page.found
    assert image["role"] == "img"
    assert image["aria-label"] == picture.alt and len(picture.alt) > 20
    assert picture.alt in repr(picture)


def test_texts_say_the_numbers():
    text = PICTURES["architecture"].alt
    assert (
        "C1 (convolution 5 × 5, tanh) 28 × 28 × 6; S2 (average pool 2 × 2, stride 2) 14 × 14 × 6"
        in text
    )
    assert "48,120 of 61,706" in PICTURES["cost"].alt
    assert "240,000 of 416,520" in PICTURES["cost"].alt
    # It is for counting, so it does not say the number.
    assert "Table of 16 × 6 maps;" in PICTURES["connections"].alt
    assert "60" not in PICTURES["connections"].alt
    assert "15 sees 0, 1, 2, 3, 4, 5" in PICTURES["connections"].alt
    text = "one: training ends between 0.7000 and 0.7000, test ends between 0.6000 and 0.6000"
    assert text in PICTURES["curves"].alt
    assert "✓ 3; ✗ 5, it is 4" in PICTURES["images"].alt


def test_the_cost_of_a_network_without_weights_is_nothing():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.MaxPooling2D(2)], name="pools")
    said = figures.cost(model)._repr_html_()
    assert "pools: no parameters; no multiply-accumulates." in said


def test_curves_name_a_run_that_has_no_test_images():
    picture = figures.curves({"alone": {"error": [0.9, 0.7]}}, measure="error")
    (axes,) = picture.figure.axes
    assert "alone" in [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_a_window_tells_the_value_that_keras_computes(stride, padding):
    image = np.pad(PHOTO, [(padding, padding), (padding, padding), (0, 0)]).astype("float32")
    kernels = KERNEL[..., None].astype("float32")
    values = keras.ops.convert_to_numpy(keras.ops.conv(image[None], kernels, stride))[0, ..., 0]
    for position, (row, column) in enumerate(np.ndindex(values.shape)):
        settings = {"position": position, "stride": stride, "padding": padding}
        text = figures.window(PHOTO, KERNEL, **settings).alt
        place = f"Row {row}, column {column} of a map of {len(values)} × {values.shape[1]}"
        assert text.startswith(f"{place}: {values[row, column]:.0f}, of which ")
    beyond = figures.window(PHOTO, KERNEL, **{**settings, "position": position + 5}).alt
    assert beyond == text


def test_a_window_tells_what_goes_back():
    text = NUMBERS["window backwards"].alt
    rows = [" / ".join(" ".join(map(str, row)) for row in a[:3, :3, 2]) for a in (KERNEL, PHOTO)]
    assert f"the image gets the kernel ({rows[0]}), the kernel gets the patch ({rows[1]})" in text
    assert "padding is dropped" not in text
    padded = figures.window(PHOTO, KERNEL, padding=1, backwards=True)
    assert "padding is dropped" in padded.alt
    gradient = padded.figure.axes[0].images[0].get_array()
    assert gradient.shape == (8, 8) and gradient.sum() == KERNEL[..., 0].sum()
    assert (gradient[:3, :3] == KERNEL[..., 0]).all()


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_on_greys_can_be_read(name):
    """At least 4.5 to 1, as the web's guidelines ask."""
    for axes in NUMBERS[name].figure.axes:
        (image,) = axes.images
        shown = image.get_array()
        assert axes.texts
        for text in axes.texts:
            column, row = text.get_position()
            grey = image.cmap(image.norm(shown[int(row), int(column)]))[0]
            light = ((grey + 0.055) / 1.055) ** 2.4 if grey > 0.04 else grey / 12.92
            ink = 1.0 if text.get_color() == "white" else 0.0
            assert (max(light, ink) + 0.05) / (min(light, ink) + 0.05) >= 4.5


def test_names_are_escaped():
    picture = figures.functions({'<script>alert("x")</script>': np.tanh})
    page = picture._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def vgg16():
    with weightless() as keras:
        return figures.architecture(keras.applications.VGG16(weights=None))


DRAWN = {
    "LeNet-5": lambda: figures.architecture(LENET5),
    "LeNet-5 of 1998": lambda: figures.architecture(LENET5_1998),
    "VGG-16": vgg16,
    "GoogLeNet": lambda: figures.architecture(GOOGLENET),
    "ResNet-50": lambda: figures.architecture(RESNET50),
    "a module": lambda: figures.architecture(INCEPTION_BOTTLENECK),
    "a block": lambda: figures.architecture(BLOCK),
}


@pytest.mark.parametrize("name", DRAWN)
def test_labels_can_be_read_where_a_page_is_700_pixels_wide(name):
    figure = DRAWN[name]().figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [text for axes in figure.axes for text in axes.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert not box.overlaps(other)
    shrunk = min(1, 700 / (96 * figure.get_figwidth()))  # 96 pixels of CSS are an inch
    assert min(text.get_fontsize() for text in texts) * 96 / 72 * shrunk >= 9


@pytest.mark.parametrize("name", ["a module", "a block"])
def test_arrows_end_at_their_boxes_and_cross_none(name):
    (axes,) = DRAWN[name]().figure.axes
    boxes = {patch.get_bbox().extents.round(6).tobytes(): patch for patch in axes.patches}
    boxes = [patch.get_bbox().padded(-1e-6) for patch in boxes.values()]
    lines = [line.get_xydata() for line in axes.lines]
    heads = [note for note in axes.texts if not note.get_text()]
    assert len(heads) == len(lines) > len(boxes) - 1
    for head in heads:  # from `xyann` to `xy`, which is the middle of a box's upper edge
        assert any(
            np.allclose(head.xy, ((box.x0 + box.x1) / 2, box.y1), atol=1e-4) for box in boxes
        )
        line = next(line for line in lines if np.allclose(line[-1], head.xyann))
        assert any(np.allclose(line[0], ((b.x0 + b.x1) / 2, b.y0), atol=1e-4) for b in boxes)
        for start, end in pairwise([*line, head.xy]):
            for share in np.linspace(0.02, 0.98, 49):
                at = start + share * (np.asarray(end) - start)
                assert not any(box.contains(*at) for box in boxes)


def test_a_large_network_shows_its_modules():
    text = DRAWN["GoogLeNet"]().alt
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        assert f"{module} (7 rows in 4 branches)" in text
    assert "conv5_1 (8 rows and a shortcut) 7 × 7 × 2048" in DRAWN["ResNet-50"]().alt
    assert (
        "conv4_1_1 to conv4_36 (36 modules) 14 × 14 × 1024" in figures.architecture(RESNET152).alt
    )


@pytest.mark.parametrize("table", [LENET5, INCEPTION_BOTTLENECK, GOOGLENET])
def test_a_picture_before_an_exercise_leaves_the_shapes_out(table):
    picture = figures.architecture(table, shapes=False)
    written = " ".join(text.get_text() for text in picture.figure.axes[0].texts)
    inside = " × ".join(map(str, table.input_shape))
    for told in (picture.alt, written):
        assert set(re.findall(r"\d+ × \d+ × \d+", told)) <= {inside}
    assert inside in written


def test_a_network_with_heads_says_what_is_not_drawn():
    text = figures.architecture(GOOGLENET_TRAINING).alt
    assert "without the ways to 2 more outputs" in text and "4a (7 rows in 4 branches)" in text


def test_a_network_of_ones_own_has_a_name():
    image = keras.Input((12, 12, 1))
    model = keras.Model(image, layers.Conv2D(4, 3, name="C1")(image))
    assert model.name.startswith("functional")
    text = figures.architecture(model).alt
    assert text.startswith("your network from input to output: input 12 × 12 × 1; C1 (")
    assert "keras_tensor" not in str(anatomy(model)) and "functional" not in str(anatomy(model))
    assert figures.architecture(small()).alt.startswith("small from input to output: input")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_the_colours_of_its_page(name):
    """On a dark page a white panel glares, and black text cannot be read."""
    page = PICTURES[name]._repr_html_()
    assert INK not in page and "http" not in page and "<metadata" not in page
    assert "currentColor" in page
    assert "fill: #ffffff" not in page and "fill: #000000" not in page


def test_names_on_a_page_mean_one_thing():
    pages = [PICTURES[name]._repr_html_() for name in ("cost", "curves", "architecture")]
    names = [set(re.findall(r' id="([^"]+)"', page)) for page in pages]
    assert all(names) and len(set.union(*names)) == sum(map(len, names))
    for page, known in zip(pages, names, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= known


def test_an_error_while_a_picture_is_shown_names_the_line_that_drew_it():
    figure, axes = canvas((3, 3))
    axes.plot([1, 2], [1, 2, 3])
    picture = Picture(figure, "two and three numbers")
    for show in (picture._repr_html_, lambda: picture.figure):  # no half of it is kept
        with pytest.raises(ValueError) as failed:
            show()
        assert "test_figures.py, line " in failed.value.__notes__[0]


def test_a_file_has_a_white_background(tmp_path):
    PICTURES["cost"].save(tmp_path / "cost.png")
    assert imread(tmp_path / "cost.png")[0, 0].tolist() == [1, 1, 1, 1]


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
        "import sys, course, course.kit.figures, course.check, course.diagnosis, course.kit.data;"
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
        "inception_5x5 (convolution 5 × 5, padding 2, relu, 28 × 28 × 96) reads "
        "inception_5x5_reduce" in text
    )
    assert "reads inception_1x1 and inception_3x3 and inception_5x5 and inception_pool_proj" in text


def test_the_receptive_field_grows_to_what_the_table_says():
    text = PICTURES["receptive field"].alt
    assert "conv1_1 3, conv1_2 5, pool1 6" in text and "pool5 212, fc6 404 pixels" in text
    assert text.endswith("the image has 224.")


def test_a_point_without_a_number_is_named():
    with pytest.raises(ValueError, match=r"other lacks parameters"):
        figures.scatter(
            [POINTS[0], {**POINTS[1], "parameters": None}], x="MACs", y="top-1 %", size="parameters"
        )
