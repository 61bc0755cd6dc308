"""GoogLeNet. C. Szegedy et al.: Going deeper with convolutions. CVPR 2015, Table 1 and Fig. 3.

Its pools round sizes up (Caffe's convention). Some numbers of the paper's own parameter column do
not follow from its filters: the first row (2.7K for 9,408 weights), 4c and 5a.
"""

from course.architectures import (
    Table,
    average_pool,
    concatenate,
    conv,
    dense,
    global_average_pool,
    lrn,
    max_pool,
)

#   module  1×1  3×3 reduce  3×3  5×5 reduce  5×5  pool projection      Table 1
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def _module(name, source, widths, **rest):
    """The six convolutions and the pool of an inception module, and their concatenation."""
    one, reduce3, three, reduce5, five, project = widths

    def row(part, filters, kernel, after):
        return conv(
            f"{name}_{part}", filters, kernel,
            padding=kernel // 2, activation="relu", after=after, **rest,
        )  # fmt: skip

    return (
        row("1x1", one, 1, source),
        row("3x3_reduce", reduce3, 1, source),
        row("3x3", three, 3, f"{name}_3x3_reduce"),
        row("5x5_reduce", reduce5, 1, source),
        row("5x5", five, 5, f"{name}_5x5_reduce"),
        max_pool(f"{name}_pool", 3, 1, padding=1, after=source),
        row("pool_proj", project, 1, f"{name}_pool"),
        concatenate(f"{name}", tuple(f"{name}_{p}" for p in ("1x1", "3x3", "5x5", "pool_proj"))),
    )


def _head(name, source):
    """A training head: it is dropped when the network is used."""
    return (
        average_pool(f"{name}_pool", 5, 3, after=source),
        conv(f"{name}_conv", 128, 1, activation="relu"),
        dense(f"{name}_fc", 1024, activation="relu"),
        dense(f"{name}_classifier", 1000, activation=("softmax", None)),
    )


def _googlenet(name, heads) -> Table:
    rows = [
        conv("conv1", 64, 7, stride=2, padding=3, activation="relu"),
        max_pool("pool1", 3, 2, padding="ceil"),
        lrn("norm1"),
        conv("conv2_reduce", 64, 1, activation="relu"),
        conv("conv2", 192, 3, padding=1, activation="relu"),
        lrn("norm2"),
        max_pool("pool2", 3, 2, padding="ceil"),
    ]
    outputs, source = [], "pool2"
    for module, widths in MODULES.items():
        rows += _module(module, source, widths)
        source = module
        if heads and module in ("4a", "4d"):
            rows += _head(f"aux_{module}", module)
            outputs.append(f"aux_{module}_classifier")
        if module in ("3b", "4e"):
            source = f"pool{module[0]}"
            rows.append(max_pool(source, 3, 2, padding="ceil", after=module))
    rows += [
        global_average_pool("pool5", after=source),
        dense("classifier", 1000, activation=("softmax", None)),
    ]
    return Table(
        name, "Szegedy et al. 2015, Table 1", (224, 224, 3), tuple(rows), (*outputs, "classifier")
    )


#: 6,998,552 parameters.
GOOGLENET = _googlenet("GoogLeNet", heads=False)

#: With both training heads: 13,378,280 parameters. Three outputs, the main one last.
GOOGLENET_TRAINING = _googlenet("GoogLeNet with its training heads", heads=True)

#: The naive module of the slides: 672 maps, 854,196,224 MACs. Biases are not counted there.
INCEPTION_NAIVE = Table(
    name="naive inception module",
    source="Szegedy et al. 2015, Fig. 2(a), with the slides' filters",
    input_shape=(28, 28, 256),
    rows=(
        conv("1x1", 128, 1, activation="relu", bias=None, after="input"),
        conv("3x3", 192, 3, padding=1, activation="relu", bias=None, after="input"),
        conv("5x5", 96, 5, padding=2, activation="relu", bias=None, after="input"),
        max_pool("pool", 3, 1, padding=1, after="input"),
        concatenate("output", ("1x1", "3x3", "5x5", "pool")),
    ),
)

#: The same with 1 × 1 bottlenecks: 480 maps, 271,351,808 MACs.
INCEPTION_BOTTLENECK = Table(
    name="inception module with bottlenecks",
    source="Szegedy et al. 2015, Fig. 2(b), with the slides' filters",
    input_shape=(28, 28, 256),
    rows=_module("inception", "input", (128, 64, 192, 64, 96, 64), bias=None),
)
