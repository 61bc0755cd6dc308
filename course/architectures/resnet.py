"""ResNet. K. He, X. Zhang, S. Ren and J. Sun: Deep residual learning for image recognition.
CVPR 2016, Table 1 (ImageNet) and section 4.2 (CIFAR-10).

Batch normalisation follows every convolution. So it makes no difference to what can be computed
whether the convolution also has a bias. The paper's models have none, Keras's have one; both are
accepted.
"""

from course.architectures import (
    Table,
    add,
    conv,
    dense,
    global_average_pool,
    max_pool,
    pad_channels,
    subsample,
)

#: The kind of block, and the number of blocks in conv2_x to conv5_x.                Table 1
DEPTHS = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}


def _conv(name, filters, kernel, stride=1, activation=None, after=None):
    return conv(
        name, filters, kernel, stride=stride, padding=kernel // 2,
        bias=None, norm=True, activation=activation, after=after,
    )  # fmt: skip


def _block(name, source, kind, filters, stride, channels, shortcut, stride_at):
    """Rows of a residual block (or of the same layers without a shortcut)."""
    if kind == "basic":
        last = filters
        rows = [
            _conv(f"{name}_1", filters, 3, stride, "relu", after=source),
            _conv(f"{name}_2", filters, 3),
        ]
    else:
        last, strides = 4 * filters, (stride, 1) if stride_at == 1 else (1, stride)
        rows = [
            _conv(f"{name}_1", filters, 1, strides[0], "relu", after=source),
            _conv(f"{name}_2", filters, 3, strides[1], "relu"),
            _conv(f"{name}_3", last, 1),
        ]
    end = rows[-1].name
    if shortcut is None:  # a plain network
        rows[-1] = _conv(end, last, rows[-1].kernel, rows[-1].stride, "relu")
        return rows, end, last
    way = source
    if stride != 1 or channels != last or shortcut == "C":
        way = f"{name}_shortcut"
        if shortcut == "A":
            rows.append(subsample(f"{way}_stride", stride, after=source))
            rows.append(pad_channels(way, last))
        else:
            rows.append(_conv(way, last, 1, stride, after=source))
    rows.append(add(name, (way, end), activation="relu"))
    return rows, name, last


def _name(depth, shortcut, usual, task=""):
    if shortcut is None:
        return f"plain-{depth}{task}"
    option = "" if shortcut == usual else f" with option {shortcut}"
    return f"ResNet-{depth}{task}{option}"


def resnet(
    kind: str,
    blocks: tuple[int, ...],
    shortcut: str = "B",
    stride_at: int = 1,
    name: str | None = None,
) -> Table:
    """The table of a ResNet for ImageNet. He et al. 2016, Table 1

    `kind` is "basic" or "bottleneck", and `blocks` has the number of blocks in conv2_x, conv3_x and
    so on. `shortcut` is the paper's option "A", "B" or "C", or None for the same layers without
    shortcuts. `stride_at` is the layer of a bottleneck, 1 or 2, that has the stride.
    """
    rows = [_conv("conv1", 64, 7, 2, "relu"), max_pool("pool1", 3, 2, padding=1)]
    source, channels = "pool1", 64
    for stage, count in enumerate(blocks, 2):
        for number in range(1, count + 1):
            stride = 2 if stage > 2 and number == 1 else 1
            made, source, channels = _block(
                f"conv{stage}_{number}", source, kind, 64 * 2 ** (stage - 2),
                stride, channels, shortcut, stride_at,
            )  # fmt: skip
            rows += made
    rows += [
        global_average_pool("avg_pool", after=source),
        dense("fc", 1000, activation=("softmax", None)),
    ]
    depth = {"basic": 2, "bottleneck": 3}[kind] * sum(blocks) + 2
    name = name or _name(depth, shortcut, "B")
    return Table(name, "He et al. 2016, Table 1", (224, 224, 3), tuple(rows))


def cifar(depth: int, shortcut: str = "A", name: str | None = None) -> Table:
    """The table of a ResNet for CIFAR-10. He et al. 2016, section 4.2

    It has `depth` = 6n + 2 layers: a 3 × 3 stem, three stages of n blocks with 16, 32 and 64 maps,
    and a dense layer. `shortcut` is "A", "B" or "C", or None for a plain network.
    """
    rows, source, channels = [_conv("conv1", 16, 3, 1, "relu")], "conv1", 16
    for stage, filters in enumerate((16, 32, 64), 1):
        for number in range(1, (depth - 2) // 6 + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            made, source, channels = _block(
                f"stage{stage}_{number}", source, "basic", filters, stride, channels, shortcut, 1
            )
            rows += made
    rows += [
        global_average_pool("avg_pool", after=source),
        dense("fc", 10, activation=("softmax", None)),
    ]
    name = name or _name(depth, shortcut, "A", " for CIFAR-10")
    return Table(name, "He et al. 2016, section 4.2", (32, 32, 3), tuple(rows))


#: Trained parameters: 11,689,512 · 21,797,672 · 25,557,032 · 44,549,160 · 60,192,808.
RESNET18, RESNET34, RESNET50, RESNET101, RESNET152 = (resnet(*DEPTHS[depth]) for depth in DEPTHS)

#: The same with the stride in the 3 × 3 convolution, as most of today's code has it ("v1.5").
RESNET50_V1_5 = resnet(*DEPTHS[50], stride_at=2, name="ResNet-50 v1.5")
RESNET101_V1_5 = resnet(*DEPTHS[101], stride_at=2, name="ResNet-101 v1.5")
RESNET152_V1_5 = resnet(*DEPTHS[152], stride_at=2, name="ResNet-152 v1.5")

#: Shortcuts without parameters (A) and projections everywhere (C).
RESNET18_A = resnet(*DEPTHS[18], "A")
RESNET34_A = resnet(*DEPTHS[34], "A")
RESNET34_C = resnet(*DEPTHS[34], "C")

#: The same layers without shortcuts.
PLAIN18 = resnet(*DEPTHS[18], None)
PLAIN34 = resnet(*DEPTHS[34], None)

#: CIFAR-10: 269,722 · 464,154 · 658,586 · 853,018 · 1,727,962 trained parameters, option A.
CIFAR_RESNET20, CIFAR_RESNET32, CIFAR_RESNET44, CIFAR_RESNET56, CIFAR_RESNET110 = map(
    cifar, (20, 32, 44, 56, 110)
)
CIFAR_RESNET20_B = cifar(20, "B")
CIFAR_RESNET56_B = cifar(56, "B")
CIFAR_PLAIN20 = cifar(20, None)
CIFAR_PLAIN56 = cifar(56, None)
