"""The questions of 01-convolution."""

from course.check.letters import RIGHT

QUESTIONS = {
    "convolution-sharing": {
        "a patch only": {
            "a": "Every value of a map has weights of its own here. What becomes fewer is what one "
            "of them sees.",
            "b": RIGHT,
            "c": "Every value of a map has weights of its own here. What becomes fewer is what one "
            "of them sees.",
        },
        "shared": {
            "a": "There are still 8 scanners. In each map one of them serves all places. How many "
            "places are these?",
            "b": RIGHT,
            "c": "Each of the 8 maps keeps a scanner of its own. So what is shared is shared by "
            "the values of one map.",
        },
        "a larger image": {
            "a": "A scanner of 5 × 5 has as many numbers on a large image as on a small one.",
            "b": "In the layer with patches each value has weights of its own. A larger image "
            "gives more values.",
            "c": RIGHT,
        },
    },
    "convolution-moves": {
        "stride 1": {
            "a": RIGHT,
            "b": "That would be invariance. The scanner finds the same thing, three pixels "
            "further.",
            "c": "Each patch of the old image is there again, three pixels further. So its answer "
            "is, too.",
        },
        "stride 2": {
            "a": "One place of this map is two pixels of the image.",
            "b": "The image has moved by 3, so the scanner looks at patches that lay between its "
            "steps before. Their answers are new.",
            "c": RIGHT,
        },
        "two pools": {
            "a": "That would be invariance. A maximum stays only as long as it does not leave its "
            "window.",
            "b": "That is so after the first pool. The second one halves once more.",
            "c": RIGHT,
        },
    },
}
