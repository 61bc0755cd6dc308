"""The questions of 05-inception."""

from course.check.letters import RIGHT

QUESTIONS = {
    "inception-mixing": {
        "shuffled pixels": {
            "a": RIGHT,
            "b": "It reads no neighbours: its window is one pixel.",
            "c": "That would be invariance. A value is made of one pixel, and stands where this "
            "pixel stands now.",
        },
        "without ReLU": {
            "a": "Two steps that only multiply and add are one such step. Without a ReLU between "
            "them they are one 3 × 3 convolution.",
            "b": RIGHT,
            "c": "The 442,368 weights of a single convolution could be anything. Here they are "
            "made of 126,976 numbers, and all that is read has to pass through 64 maps.",
        },
        "before or behind": {
            "a": RIGHT,
            "b": "Behind it the 5 × 5 has already read all 256 maps. The 1 × 1 then comes on top.",
            "c": "Before the 5 × 5 it makes the kernels of 25 · 256 weights smaller. What could it "
            "save behind them?",
        },
        "smaller maps": {
            "a": "Kernels have no weights for places. So smaller maps leave all parameters as they "
            "are.",
            "b": RIGHT,
            "c": "The side is half in both directions, so there are a quarter of the places. And "
            "parameters do not depend on it.",
        },
    },
    "inception-cost": {
        "work": {
            "a": "That would be so if each weight were used equally often. A dense layer uses a "
            "weight once for an image, a convolution at every place of a map.",
            "b": "GoogLeNet's weights are in convolutions, which use them at every place. Its "
            "conv2 alone takes nearly half as many MACs as all of AlexNet.",
            "c": RIGHT,
        },
        "where they went": {
            "a": RIGHT,
            "b": "Bottlenecks save weights of convolutions, and AlexNet's convolutions hold only "
            "4 % of its parameters.",
            "c": "More layers are more weights. In which of its layers does AlexNet keep 96 %?",
        },
        "a larger image": {
            "a": "That would be so after a Flatten. The average makes one number of each map, "
            "however large the map is.",
            "b": RIGHT,
            "c": "Convolutions, pools and averages take any size. AlexNet cannot take it: its fc6 "
            "has a weight for each place.",
        },
    },
}
