"""ConvNeXt. Z. Liu, H. Mao, C. Wu, C. Feichtenhofer, T. Darrell and S. Xie: A ConvNet for the
2020s. CVPR 2022, Fig. 4 and Table 9.

A ResNet with the habits of transformers. A block has a depthwise convolution of 7 × 7, one layer
normalisation, one GELU, and a learned factor for each map before the addition (layer scale, section
3 and appendix A).
"""

from course.architectures import (
    Table,
    add,
    conv,
    dense,
    depthwise_conv,
    global_average_pool,
    layer_norm,
)

#: Maps and blocks of the four stages.                                    Table 9, ConvNeXt-T
STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))


def _block(name, source, filters):
    return [
        depthwise_conv(f"{name}_dw", filters, 7, padding=3, after=source),
        layer_norm(f"{name}_norm"),
        conv(f"{name}_expand", 4 * filters, 1, activation="gelu"),
        conv(f"{name}_project", filters, 1),
        depthwise_conv(f"{name}_scale", filters, 1, bias=False),
        add(name, (source, f"{name}_scale")),
    ]


def _convnext(name, stages) -> Table:
    rows = []
    for stage, (filters, blocks) in enumerate(stages, 1):
        if stage == 1:
            rows += [conv("stem", filters, 4, stride=4), layer_norm("stem_norm")]
        else:
            rows += [
                layer_norm(f"down{stage}_norm"),
                conv(f"down{stage}", filters, 2, stride=2),
            ]
        for number in range(1, blocks + 1):
            rows += _block(f"stage{stage}_{number}", rows[-1].name, filters)
    rows += [
        global_average_pool("avg_pool"),
        layer_norm("norm"),
        dense("fc", 1000, activation=("softmax", None)),
    ]
    return Table(name, "Liu et al. 2022, Table 9", (224, 224, 3), tuple(rows))


#: 28,589,128 trained parameters, 4,457,676,288 MACs.
CONVNEXT_T = _convnext("ConvNeXt-T", STAGES)
