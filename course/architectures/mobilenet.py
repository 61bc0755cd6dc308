"""MobileNet and MobileNetV2: a convolution taken apart into one window for each map (depthwise) and
a 1 × 1 convolution across the maps.

A. Howard et al.: MobileNets: efficient convolutional neural networks for mobile vision
applications. 2017, Table 1. The last depthwise row is printed there with stride 2, but its sizes
need stride 1.
M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L. Chen: MobileNetV2: inverted residuals and linear
bottlenecks. CVPR 2018, Tables 1 and 2.

Batch normalisation follows every convolution, so a bias makes no difference: with or without it,
both are accepted. The first paper says ReLU, and the published code of both cuts it off at 6.
"""

from course.architectures import Table, add, conv, dense, depthwise_conv, global_average_pool

#: Maps and stride of each depthwise separable convolution.              Howard et al. 2017, Table 1
SEPARABLE = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip

#: Expansion t, maps c, blocks n and stride s of each stage.            Sandler et al. 2018, Table 2
BOTTLENECKS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip

_HEAD = (global_average_pool("avg_pool"), dense("fc", 1000, activation=("softmax", None)))


def _conv(name, filters, kernel=1, stride=1, activation="relu6", after=None, kind=conv):
    return kind(
        name, filters, kernel, stride=stride, padding=kernel // 2,
        bias=None, norm=True, activation=activation, after=after,
    )  # fmt: skip


def _depthwise(name, filters, stride, **rest):
    return _conv(name, filters, 3, stride, kind=depthwise_conv, **rest)


def mobilenet(width: float = 1, name: str | None = None) -> Table:
    """The table of a MobileNet whose rows have `width` times as many maps.

    Howard et al. 2017, Table 1 and section 3.3 (the width multiplier α).
    """
    channels, relu = int(32 * width), {"activation": ("relu", "relu6")}
    rows = [_conv("conv1", channels, 3, 2, **relu)]
    for number, (filters, stride) in enumerate(SEPARABLE, 2):
        rows.append(_depthwise(f"conv{number}_dw", channels, stride, **relu))
        channels = int(filters * width)
        rows.append(_conv(f"conv{number}_pw", channels, **relu))
    name = name or f"MobileNet {width:g}"
    return Table(name, "Howard et al. 2017, Table 1", (224, 224, 3), (*rows, *_HEAD))


def _block(name, source, channels, expansion, filters, stride):
    """Rows of an inverted residual block: wide inside, no activation where it is narrow."""
    inside, rows = expansion * channels, []
    if expansion > 1:
        rows.append(_conv(f"{name}_expand", inside, after=source))
    rows += [
        _depthwise(f"{name}_dw", inside, stride, after=None if rows else source),
        _conv(f"{name}_project", filters, activation=None),
    ]
    if stride == 1 and channels == filters:
        rows.append(add(name, (source, f"{name}_project")))
    return rows


def _mobilenet_v2() -> Table:
    rows, channels = [_conv("conv1", 32, 3, 2)], 32
    for stage, (expansion, filters, blocks, stride) in enumerate(BOTTLENECKS, 2):
        for number in range(1, blocks + 1):
            name, source = f"conv{stage}_{number}", rows[-1].name
            rows += _block(name, source, channels, expansion, filters, stride)
            channels, stride = filters, 1
    rows.append(_conv("conv9", 1280))
    source = "Sandler et al. 2018, Table 2"
    return Table("MobileNetV2", source, (224, 224, 3), (*rows, *_HEAD))


#: 4,231,976 trained parameters, 568,740,352 MACs.
MOBILENET = mobilenet(name="MobileNet")

#: 3,504,872 trained parameters, 300,774,272 MACs.
MOBILENET_V2 = _mobilenet_v2()
