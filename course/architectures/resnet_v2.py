"""ResNet v2. K. He, X. Zhang, S. Ren and J. Sun: Identity mappings in deep residual networks. ECCV
2016, Fig. 4(e) and the appendix.

Normalisation and activation come before each convolution (pre-activation), and nothing follows the
addition, so that a shortcut is the identity from end to end. The first unit reads what is activated
already, and the last addition is normalised and activated. The paper trains 152 and more layers on
ImageNet; its units at a depth of 50 are the table here.

Every way from a convolution leads through a normalisation, so a bias makes no difference. The
paper's convolutions have none, some of Keras's have one; both are accepted.
"""

from course.architectures import (
    Table,
    add,
    batch_norm,
    conv,
    dense,
    global_average_pool,
    max_pool,
    subsample,
)


def _conv(name, filters, kernel, stride=1, norm=True, after=None):
    return conv(
        name, filters, kernel, stride=stride, padding=kernel // 2, bias=None,
        norm=norm, activation="relu" if norm else None, after=after,
    )  # fmt: skip


def _unit(name, source, filters, stride, project, activated):
    """Rows of a unit: 1 × 1, 3 × 3 (with the stride) and 1 × 1, and its shortcut.

    `activated` says that the source is normalised and activated already.
    """
    rows, before = [], source
    if not activated:
        before = f"{name}_preact"
        rows.append(batch_norm(before, "relu", after=source))
    rows += [
        _conv(f"{name}_1", filters, 1, after=before),
        _conv(f"{name}_2", filters, 3, stride),
        _conv(f"{name}_3", 4 * filters, 1, norm=False),
    ]
    way = source
    if project or stride > 1:
        way = f"{name}_shortcut"
    if project:
        rows.append(_conv(way, 4 * filters, 1, stride, norm=False, after=before))
    elif stride > 1:
        rows.append(subsample(way, stride, after=source))
    return [*rows, add(name, (way, f"{name}_3"))]


def _resnet_v2(name, blocks, as_in_keras=False) -> Table:
    """The table. `as_in_keras` lets the last unit of a stage shrink the map, not the first.

    Then no normalisation follows conv1, and the first unit begins with one as all others do.
    """
    rows = [_conv("conv1", 64, 7, 2, norm=not as_in_keras), max_pool("pool1", 3, 2, padding=1)]
    source = "pool1"
    for stage, count in enumerate(blocks, 2):
        for number in range(1, count + 1):
            first, last = number == 1, number == count
            shrinks = last and stage < 5 if as_in_keras else first and stage > 2
            unit, activated = f"conv{stage}_{number}", source == "pool1" and not as_in_keras
            width = 64 * 2 ** (stage - 2)
            rows += _unit(unit, source, width, 1 + shrinks, first, activated)
            source = unit
    rows += [
        batch_norm("norm", "relu"),
        global_average_pool("avg_pool"),
        dense("fc", 1000, activation=("softmax", None)),
    ]
    return Table(name, "He et al. 2016 (ECCV), Fig. 4(e)", (224, 224, 3), tuple(rows))


#: 25,549,352 trained parameters, 4,089,184,256 MACs.
RESNET50_V2 = _resnet_v2("ResNet-50 v2", (3, 4, 6, 3))

#: As in keras.applications: 25,549,352 trained parameters, 3,482,255,360 MACs.
RESNET50_V2_KERAS = _resnet_v2("ResNet-50 v2 of Keras", (3, 4, 6, 3), as_in_keras=True)
