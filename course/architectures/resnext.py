"""ResNeXt. S. Xie, R. Girshick, P. Dollár, Z. Tu and K. He: Aggregated residual transformations for
deep neural networks. CVPR 2017, Table 1 and Fig. 3(c).

A ResNet whose 3 × 3 convolutions work in groups (the paper's cardinality). Its blocks are twice as
wide inside as those of a ResNet-50 and cost about as much. The stride stands in the 3 × 3
convolution (section 4.1).
"""

from course.architectures import Table, add, conv, dense, global_average_pool, max_pool

#: Blocks in conv2 to conv5.                                                           Table 1
BLOCKS = (3, 4, 6, 3)


def _conv(name, filters, kernel, stride=1, activation="relu", groups=1, after=None):
    return conv(
        name, filters, kernel, stride=stride, padding=kernel // 2, groups=groups,
        bias=None, norm=True, activation=activation, after=after,
    )  # fmt: skip


def _block(name, source, width, groups, stride, project):
    """Rows of a block that gives 2 · `width` maps."""
    rows = [
        _conv(f"{name}_1", width, 1, after=source),
        _conv(f"{name}_2", width, 3, stride, groups=groups),
        _conv(f"{name}_3", 2 * width, 1, activation=None),
    ]
    way = source
    if project:
        way = f"{name}_shortcut"
        rows.append(_conv(way, 2 * width, 1, stride, activation=None, after=source))
    return [*rows, add(name, (way, f"{name}_3"), activation="relu")]


def _resnext(name, groups, width) -> Table:
    """`width` is the number of maps of each group in conv2; it doubles with every stage."""
    rows = [_conv("conv1", 64, 7, 2), max_pool("pool1", 3, 2, padding=1)]
    source = "pool1"
    for stage, count in enumerate(BLOCKS, 2):
        inside = groups * width * 2 ** (stage - 2)
        for number in range(1, count + 1):
            stride = 2 if stage > 2 and number == 1 else 1
            rows += _block(f"conv{stage}_{number}", source, inside, groups, stride, number == 1)
            source = rows[-1].name
    rows += [global_average_pool("avg_pool"), dense("fc", 1000, activation=("softmax", None))]
    return Table(name, "Xie et al. 2017, Table 1", (224, 224, 3), tuple(rows))


#: 32 groups of 4 maps: 25,028,904 trained parameters, 4,230,479,872 MACs.
RESNEXT50 = _resnext("ResNeXt-50 (32 × 4d)", 32, 4)
