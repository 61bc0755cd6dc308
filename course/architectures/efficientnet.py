"""EfficientNet. M. Tan and Q. Le: EfficientNet: rethinking model scaling for convolutional neural
networks. ICML 2019, Table 1.

MobileNetV2's blocks with a gate for each map (squeeze and excitation; J. Hu, L. Shen and G. Sun:
Squeeze-and-excitation networks. CVPR 2018, Fig. 2) and with swish (SiLU). The gate's inner layer
has a quarter of the maps with which the block begins.
"""

from course.architectures import (
    Table,
    add,
    conv,
    dense,
    depthwise_conv,
    global_average_pool,
    multiply,
)

#: Expansion, kernel, stride, maps and layers of stages 2 to 8.                            Table 1
STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip


def _conv(name, filters, kernel=1, stride=1, activation="silu", after=None, kind=conv):
    return kind(
        name, filters, kernel, stride=stride, padding=kernel // 2,
        bias=None, norm=True, activation=activation, after=after,
    )  # fmt: skip


def _block(name, source, channels, expansion, kernel, stride, filters):
    """Rows of a mobile inverted bottleneck (MBConv) with its gate."""
    inside, rows = expansion * channels, []
    if expansion > 1:
        rows.append(_conv(f"{name}_expand", inside, after=source))
    after = None if rows else source
    rows += [
        _conv(f"{name}_dw", inside, kernel, stride, kind=depthwise_conv, after=after),
        global_average_pool(f"{name}_squeeze"),
        dense(f"{name}_reduce", channels // 4, activation="silu"),
        dense(f"{name}_gate", inside, activation="sigmoid"),
        multiply(f"{name}_excite", (f"{name}_dw", f"{name}_gate")),
        _conv(f"{name}_project", filters, activation=None),
    ]
    if stride == 1 and channels == filters:
        rows.append(add(name, (source, f"{name}_project")))
    return rows


def _efficientnet(name) -> Table:
    rows, channels = [_conv("stem", 32, 3, 2)], 32
    for stage, (expansion, kernel, stride, filters, count) in enumerate(STAGES, 2):
        for number in range(1, count + 1):
            block, source = f"stage{stage}_{number}", rows[-1].name
            rows += _block(block, source, channels, expansion, kernel, stride, filters)
            channels, stride = filters, 1
    rows += [
        _conv("top", 1280),
        global_average_pool("avg_pool"),
        dense("fc", 1000, activation=("softmax", None)),
    ]
    return Table(name, "Tan and Le 2019, Table 1", (224, 224, 3), tuple(rows))


#: 5,288,548 trained parameters, 385,814,752 MACs.
EFFICIENTNET_B0 = _efficientnet("EfficientNet-B0")
