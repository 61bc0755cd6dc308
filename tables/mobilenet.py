"""MobileNet, and the questions about it: the example of an assignment of one's own.

A. Howard et al.: MobileNets: efficient convolutional neural networks for mobile vision
applications. 2017, Table 1. Its last depthwise row is printed with stride 2; the sizes beside it
need stride 1.
"""

from course.architectures import Table, conv, dense, global_average_pool

#: Maps and stride of each depthwise separable convolution.
SEPARABLE = [
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
]  # fmt: skip


def of_width(alpha, name=None):
    """The table of a MobileNet with `alpha` times as many maps in each row (section 3.3)."""

    def row(name, filters, kernel, stride=1, groups=1):
        return conv(
            name, filters, kernel, stride=stride, padding="same", groups=groups,
            bias=None, norm=True, activation=("relu", "relu6"),
        )  # fmt: skip

    maps = int(32 * alpha)
    rows = [row("conv1", maps, 3, 2)]
    for number, (filters, stride) in enumerate(SEPARABLE, 2):
        rows.append(row(f"conv{number}_dw", maps, 3, stride, groups=maps))
        maps = int(filters * alpha)
        rows.append(row(f"conv{number}_pw", maps, 1))
    rows += [
        global_average_pool("average"),
        dense("fc", 1000, activation=("softmax", None)),
    ]
    return Table(
        name or f"MobileNet with α = {alpha:g}",
        "Howard et al. 2017, Table 1",
        (224, 224, 3),
        tuple(rows),
    )


MOBILENET = of_width(1, "MobileNet")

#: {question: {letter: why it is wrong, or nothing if it is right}}, for check.choice.
WORK = {
    "most work": {
        "a": "Count a pair of the middle rows: 9 weights at each place of a map in the one, and "
        "as many weights as there are maps to read in the other.",
        "b": "It reads 3 maps: 27 weights for each of its 32 maps. conv2_pw has 32 for each of its "
        "64, at as many places.",
        "c": "",
        "d": "A dense row uses each of its weights once for an image, a convolution at every "
        "place.",
    },
    "half the maps": {
        "a": "That would be so if only the maps that are made were halved. The maps that are read "
        "are halved as well.",
        "b": "",
        "c": "The windows stay 3 × 3 and 1 × 1, and the maps as large as before. Only two numbers "
        "of the product are halved.",
    },
    "half the sides": {
        "a": "A window has as many weights on a small image, and an average needs none.",
        "b": "",
        "c": "Each weight is used at a quarter of the places. Which weights fall away?",
    },
}
