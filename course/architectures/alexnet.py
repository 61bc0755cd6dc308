"""AlexNet. A. Krizhevsky, I. Sutskever and G. Hinton: ImageNet classification with deep
convolutional neural networks. NIPS 2012, section 3.5 and Fig. 2.

The paper says 224 × 224 pixels and no padding, but there windows of 11 × 11 with stride 4 do not
have a whole number of positions. 227 × 227 pixels give the paper's own sizes, and everybody crops
to that.
"""

from course.architectures import Table, conv, dense, lrn, max_pool


def _alexnet(name, source, groups, norm_first) -> Table:
    def block(number, convolution):
        norm, pool = lrn(f"norm{number}"), max_pool(f"pool{number}", 3, 2)
        return (convolution, norm, pool) if norm_first else (convolution, pool, norm)

    def row(name, filters, kernel, groups=1, **rest):
        return conv(name, filters, kernel, groups=groups, activation="relu", **rest)

    return Table(
        name=name,
        source=source,
        input_shape=(227, 227, 3),
        rows=(
            *block(1, row("conv1", 96, 11, stride=4)),
            *block(2, row("conv2", 256, 5, groups, padding=2)),
            row("conv3", 384, 3, padding=1),  # sees the maps of both GPUs
            row("conv4", 384, 3, groups, padding=1),
            row("conv5", 256, 3, groups, padding=1),
            max_pool("pool5", 3, 2),
            dense("fc6", 4096, activation="relu"),
            dense("fc7", 4096, activation="relu"),
            dense("fc8", 1000, activation=("softmax", None)),
        ),
    )


_PAPER = "Krizhevsky et al. 2012, section 3.5"

#: One tower, every map sees every map: 62,378,344 parameters.
ALEXNET = _alexnet("AlexNet in one tower", _PAPER, groups=1, norm_first=True)

#: Half of the maps on each of two GPUs: 60,965,224 parameters.
ALEXNET_TWO_GPUS = _alexnet("AlexNet on two GPUs", _PAPER, groups=2, norm_first=True)

#: Pooling before normalisation, as in Caffe's reference model and on many slides. The parameters
#: and the MACs are the same, the values are not.
CAFFENET = _alexnet("CaffeNet", "BVLC reference CaffeNet", groups=2, norm_first=False)
