"""ZFNet. M. Zeiler and R. Fergus: Visualizing and understanding convolutional networks. ECCV 2014,
Fig. 3. The paper prints no padding; the one below gives its sizes 110, 55, 26, 13 and 6.
"""

from course.architectures import Table, conv, dense, lrn, max_pool


def _row(name, filters, kernel, **rest):
    return conv(name, filters, kernel, activation="relu", **rest)


#: 62,357,608 parameters: AlexNet's tower with 7 × 7 windows and stride 2 in its first layer.
ZFNET = Table(
    name="ZFNet",
    source="Zeiler and Fergus 2014, Fig. 3",
    input_shape=(224, 224, 3),
    rows=(
        _row("conv1", 96, 7, stride=2, padding=1),
        max_pool("pool1", 3, 2, padding=1),
        lrn("norm1"),
        _row("conv2", 256, 5, stride=2),
        max_pool("pool2", 3, 2, padding=1),
        lrn("norm2"),
        _row("conv3", 384, 3, padding=1),
        _row("conv4", 384, 3, padding=1),
        _row("conv5", 256, 3, padding=1),
        max_pool("pool5", 3, 2),
        dense("fc6", 4096, activation="relu"),
        dense("fc7", 4096, activation="relu"),
        dense("fc8", 1000, activation=("softmax", None)),
    ),
)
