"""DenseNet. G. Huang, Z. Liu, L. van der Maaten and K. Weinberger: Densely connected convolutional
networks. CVPR 2017, Table 1 and sections 3 and 4.

Each layer reads all maps that the layers of its block made before it, and puts its own beside them.
Normalisation and activation come before each convolution. Every way from a convolution leads
through a normalisation, so a bias makes no difference: with or without it, both are accepted.
"""

from course.architectures import (
    Table,
    average_pool,
    batch_norm,
    concatenate,
    conv,
    dense,
    global_average_pool,
    max_pool,
)

#: Layers in the four dense blocks.                                           Table 1, DenseNet-121
LAYERS = (6, 12, 24, 16)

#: Maps that a layer puts beside the others: the growth rate k.
GROWTH = 32


def _densenet(name, layers) -> Table:
    norm = {"bias": None, "norm": True, "activation": "relu"}
    rows = [conv("conv1", 64, 7, stride=2, padding=3, **norm), max_pool("pool1", 3, 2, padding=1)]
    source, channels = "pool1", 64
    for block, count in enumerate(layers, 1):
        for number in range(1, count + 1):
            layer = f"dense{block}_{number}"
            rows += [
                batch_norm(f"{layer}_norm", "relu", after=source),
                conv(f"{layer}_1", 4 * GROWTH, 1, **norm),
                conv(f"{layer}_2", GROWTH, 3, padding=1, bias=None),
                concatenate(layer, (source, f"{layer}_2")),
            ]
            source, channels = layer, channels + GROWTH
        if block < len(layers):
            channels //= 2
            rows += [
                batch_norm(f"transition{block}_norm", "relu"),
                conv(f"transition{block}", channels, 1, bias=None),
                average_pool(f"transition{block}_pool", 2),
            ]
            source = f"transition{block}_pool"
    rows += [
        batch_norm("norm", "relu"),
        global_average_pool("avg_pool"),
        dense("fc", 1000, activation=("softmax", None)),
    ]
    return Table(name, "Huang et al. 2017, Table 1", (224, 224, 3), tuple(rows))


#: 7,978,856 trained parameters, 2,834,161,664 MACs.
DENSENET121 = _densenet("DenseNet-121", LAYERS)
