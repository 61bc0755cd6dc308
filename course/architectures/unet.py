"""U-Net. O. Ronneberger, P. Fischer and T. Brox: U-Net: convolutional networks for biomedical image
segmentation. MICCAI 2015, Fig. 1.

A class for each pixel. The network goes down to few pixels and many maps, and up again. At each
size, the maps of the way down are concatenated with those of the way up. The paper's convolutions
do not pad, so 572 × 572 pixels give 388 × 388, and the maps of the way down are cropped to the size
of those on the way up. Most of today's code pads ("same") and crops nothing.

The paper prints no activation behind an up-convolution, and its code has a ReLU there. Both are
accepted.
"""

from course.architectures import Table, concatenate, conv, conv_transpose, crop, max_pool

#: Maps of the five sizes.                                                                   Fig. 1
WIDTHS = (64, 128, 256, 512, 1024)

#: Pixels that are cut off each side of the maps of the way down, from the first size to the last.
CROPS = (88, 40, 16, 4)


def _unet(name, side, padding, crops) -> Table:
    def twice(stage, filters):
        row = {"padding": padding, "activation": "relu"}
        return [conv(f"{stage}_{number}", filters, 3, **row) for number in (1, 2)]

    rows, ways = [], []
    for number, filters in enumerate(WIDTHS[:-1], 1):
        rows += twice(f"down{number}", filters)
        ways.append(rows[-1].name)
        rows.append(max_pool(f"pool{number}", 2))
    rows += twice("bottom", WIDTHS[-1])
    for number, filters in reversed([*enumerate(WIDTHS[:-1], 1)]):
        up, way = f"up{number}", ways[number - 1]
        rows.append(conv_transpose(up, filters, 2, 2, activation=(None, "relu")))
        if crops:
            rows.append(crop(f"crop{number}", crops[number - 1], after=way))
            way = rows[-1].name
        rows.append(concatenate(f"join{number}", (way, up)))
        rows += twice(up, filters)
    rows.append(conv("output", 2, 1, activation=("softmax", None)))
    return Table(name, "Ronneberger et al. 2015, Fig. 1", (side, side, 1), tuple(rows))


#: 31,030,658 trained parameters, 150,428,424,448 MACs.
UNET = _unet("U-Net", 572, padding=0, crops=CROPS)

#: Padded, so that nothing is cropped: 31,030,658 trained parameters, 48,096,083,968 MACs.
UNET_SAME = _unet("U-Net, padded", 256, padding=1, crops=())
