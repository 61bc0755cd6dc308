"""VGG. K. Simonyan and A. Zisserman: Very deep convolutional networks for large-scale image
recognition. ICLR 2015, Table 1.
"""

from course.architectures import Table, conv, dense, max_pool

#: Feature maps of the five stages; a 2 × 2 max pool follows each.
WIDTHS = (64, 128, 256, 512, 512)

#: Kernels of the convolutions in each stage, column by column of Table 1.
CONFIGURATIONS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}


def _vgg(name, configuration) -> Table:
    rows = []
    for stage, (width, kernels) in enumerate(
        zip(WIDTHS, CONFIGURATIONS[configuration], strict=True), 1
    ):
        for number, kernel in enumerate(kernels, 1):
            around = kernel // 2
            rows.append(
                conv(f"conv{stage}_{number}", width, kernel, padding=around, activation="relu")
            )
        rows.append(max_pool(f"pool{stage}", 2))
    rows += [
        dense("fc6", 4096, activation="relu"),
        dense("fc7", 4096, activation="relu"),
        dense("fc8", 1000, activation=("softmax", None)),
    ]
    source = f"Simonyan and Zisserman 2015, Table 1, configuration {configuration}"
    return Table(name, source, (224, 224, 3), tuple(rows))


VGG11 = _vgg("VGG-11", "A")  # 132,863,336 parameters
VGG13 = _vgg("VGG-13", "B")  # 133,047,848
VGG16_C = _vgg("VGG-16, configuration C", "C")  # 133,638,952
VGG16 = _vgg("VGG-16", "D")  # 138,357,544
VGG19 = _vgg("VGG-19", "E")  # 143,667,240
