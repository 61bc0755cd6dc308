"""The questions of 06-resnet."""

from course.check.letters import RIGHT

QUESTIONS = {
    "resnet-degradation": {
        "overfitting": {
            "a": RIGHT,
            "b": "A network that overfits has learned its training images by heart. So its "
            "training error is small.",
            "c": "A network fits the images that it is trained with. If it overfits, it fits these "
            "too well, and not the others.",
        },
        "a copy": {
            "a": "A layer can also hand on what it gets. Copy the layers of plain-20, and let all "
            "others do just that.",
            "b": RIGHT,
            "c": "Nobody can say what training will *find*. What the best weights can do is "
            "another question: copy plain-20, and let the other layers hand on what they get.",
        },
        "both large": {
            "a": RIGHT,
            "b": "These act against overfitting: they keep a network from fitting its training "
            "images too well. This one fits them badly.",
            "c": "It has carried all that it learned over to new images, but that was little: it "
            "is wrong on 30 % of the very images that it was trained with.",
        },
    },
    "resnet-blocks": {
        "order": {
            "a": "Take the values −1 and 1. Normalised they stay as they are, and ReLU makes 0 and "
            "1 of them. ReLU first makes 0 and 1, and normalised these are −1 and 1 again.",
            "b": RIGHT,
            "c": "That is so after a ReLU. Here the normalisation comes last, and takes the mean "
            "off each value.",
        },
        "folding": {
            "a": RIGHT,
            "b": "The ReLU stands between the two, and cuts off what is negative. No kernel does "
            "that, so the two steps do not become one convolution.",
            "c": "Two steps become one convolution if both only multiply and add. A ReLU between "
            "them does something else.",
        },
        "two blocks": {
            "a": "Only its two 1 × 1 convolutions read or make 256 maps, with one weight for each "
            "pair of maps. Add up F · F · C · K.",
            "b": RIGHT,
            "c": "A 1 × 1 convolution has a weight for each pair of maps. Two of them between 64 "
            "and 256 maps have nearly as many as a 3 × 3 between 64 and 64.",
        },
        "values kept": {
            "a": "A larger window costs weights and work. Values are what comes out: count the "
            "maps that leave each convolution.",
            "b": "Parameters belong to kernels, values to maps. Count the maps that leave each "
            "convolution.",
            "c": RIGHT,
        },
    },
}
