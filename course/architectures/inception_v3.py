"""Inception v3. C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna: Rethinking the
Inception architecture for computer vision. CVPR 2016, Table 1 and Figs. 5 to 7 and 10.

The paper's Table 1 gives the sizes of the maps, and its figures the windows of the modules. The
paper does not print how many maps each branch has; the numbers here are those of the published
model. Its stem is used here, too: it has 1 × 1, 3 × 3 and a pool where Table 1 has three 3 × 3
convolutions. Its normalisations have no factor (gamma), as in Keras; other frameworks have one.
Two convolutions of 1 × n and n × 1 take the place of one of n × n.
"""

from course.architectures import (
    Table,
    average_pool,
    concatenate,
    conv,
    dense,
    global_average_pool,
    max_pool,
)


def _conv(name, filters, kernel, stride=1, padding=None, after=None):
    if padding is None:  # the size stays
        padding = kernel // 2 if isinstance(kernel, int) else tuple(side // 2 for side in kernel)
    return conv(
        name, filters, kernel, stride=stride, padding=padding,
        bias=None, norm=True, scale=False, activation="relu", after=after,
    )  # fmt: skip


def _branch(name, source, *convolutions, stride=1):
    """Rows of convolutions (maps, kernel) one behind the other; the last one has the stride."""
    rows = []
    for number, (filters, kernel) in enumerate(convolutions, 1):
        last = number == len(convolutions) and stride > 1
        window = (stride, 0) if last else (1, None)
        rows.append(_conv(f"{name}_{number}", filters, kernel, *window, source))
        source = None
    return rows


def _module(name, source, *branches, project=None):
    """The rows of a module: the branches, a pool, and their concatenation.

    With `project`, the pool keeps the size, and a 1 × 1 convolution with that many maps follows it.
    Without, the pool and the last convolution of each branch have stride 2.
    """
    stride = 1 if project else 2
    rows, ends = [], []
    for number, convolutions in enumerate(branches, 1):
        rows += _branch(f"{name}_{number}", source, *convolutions, stride=stride)
        ends.append(rows[-1].name)
    if project:
        rows.append(average_pool(f"{name}_pool", 3, 1, padding=1, after=source))
        rows.append(_conv(f"{name}_pool_proj", project, 1))
    else:
        rows.append(max_pool(f"{name}_pool", 3, 2, after=source))
    return [*rows, concatenate(name, (*ends, rows[-1].name))]


def _wide_module(name, source):
    """Fig. 7: the last windows of two branches stand side by side."""
    two, three = f"{name}_2", f"{name}_3"
    ends = [f"{name}_1_1", *(f"{way}_{side}" for way in (two, three) for side in "ab")]
    return [
        _conv(f"{name}_1_1", 320, 1, after=source),
        _conv(f"{two}_1", 384, 1, after=source),
        *_sides(two, f"{two}_1"),
        _conv(f"{three}_1", 448, 1, after=source),
        _conv(f"{three}_2", 384, 3),
        *_sides(three, f"{three}_2"),
        average_pool(f"{name}_pool", 3, 1, padding=1, after=source),
        _conv(f"{name}_pool_proj", 192, 1),
        concatenate(name, (*ends, f"{name}_pool_proj")),
    ]


def _sides(name, source):
    return [
        _conv(f"{name}_a", 384, (1, 3), after=source),
        _conv(f"{name}_b", 384, (3, 1), after=source),
    ]


def _inception_v3() -> Table:
    rows = [
        _conv("conv1", 32, 3, 2, 0),
        _conv("conv2", 32, 3, 1, 0),
        _conv("conv3", 64, 3),
        max_pool("pool1", 3, 2),
        _conv("conv4", 80, 1),
        _conv("conv5", 192, 3, 1, 0),
        max_pool("pool2", 3, 2),
    ]
    source = "pool2"
    for number, project in enumerate((32, 64, 64)):  # Fig. 5
        name = f"mixed{number}"
        five, three = ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3))
        rows += _module(name, source, ((64, 1),), five, three, project=project)
        source = name
    rows += _module("mixed3", source, ((384, 3),), ((64, 1), (96, 3), (96, 3)))  # Fig. 10
    for number, width in enumerate((128, 160, 160, 192), 4):  # Fig. 6
        name, source = f"mixed{number}", f"mixed{number - 1}"
        seven = ((width, 1), (width, (1, 7)), (192, (7, 1)))
        twice = [(width, kernel) for kernel in (1, (7, 1), (1, 7), (7, 1))]
        rows += _module(name, source, ((192, 1),), seven, (*twice, (192, (1, 7))), project=192)
    seven = ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3))
    rows += _module("mixed8", "mixed7", ((192, 1), (320, 3)), seven)
    rows += _wide_module("mixed9", "mixed8") + _wide_module("mixed10", "mixed9")
    rows += [global_average_pool("avg_pool"), dense("fc", 1000, activation=("softmax", None))]
    source = "Szegedy et al. 2016, Table 1, with the maps of the published model"
    return Table("Inception v3", source, (299, 299, 3), tuple(rows))


#: 23,817,352 trained parameters, 5,713,216,096 MACs.
INCEPTION_V3 = _inception_v3()
