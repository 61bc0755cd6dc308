"""Vision Transformer. A. Dosovitskiy et al.: An image is worth 16 × 16 words: transformers for
image recognition at scale. ICLR 2021, Fig. 1, equations 1 to 4 and Table 1.

The image becomes a sequence of tokens: a convolution whose stride is its window makes one of each
patch. A learned token is put in front of them, and the answer is read from it at the end.
"""

from course.architectures import (
    Table,
    add,
    attention,
    class_token,
    conv,
    dense,
    first_token,
    layer_norm,
    position_embedding,
    tokens,
)


def vit(name: str, patch: int, layers: int, width: int, hidden: int, heads: int) -> Table:
    """The table of a vision transformer. Dosovitskiy et al. 2021, Table 1.

    `patch` is a side in pixels, `width` the length of a token (D), `hidden` the units of
    the MLP's hidden layer.
    """
    rows = [
        conv("patches", width, patch, stride=patch),
        tokens("sequence"),
        class_token("class"),
        position_embedding("positions"),
    ]
    for number in range(1, layers + 1):
        source, layer = rows[-1].name, f"layer{number}"
        rows += [
            layer_norm(f"{layer}_norm1"),
            attention(f"{layer}_attention", heads, width // heads),
            add(f"{layer}_add1", (source, f"{layer}_attention")),
            layer_norm(f"{layer}_norm2"),
            conv(f"{layer}_mlp1", hidden, 1, activation="gelu"),
            conv(f"{layer}_mlp2", width, 1),
            add(f"{layer}_add2", (f"{layer}_add1", f"{layer}_mlp2")),
        ]
    rows += [
        layer_norm("norm"),
        first_token("answer"),
        dense("head", 1000, activation=("softmax", None)),
    ]
    return Table(name, "Dosovitskiy et al. 2021, Table 1", (224, 224, 3), tuple(rows))


#: 86,567,656 trained parameters, 17,563,828,224 MACs.
VIT_B16 = vit("ViT-B/16", patch=16, layers=12, width=768, hidden=3072, heads=12)
