"""The questions of 07-comparison."""

from course.check.letters import RIGHT

QUESTIONS = {
    "comparison-relative": {
        "the same images": {
            "a": "Six of the seven networks are this one, trained anew; the seventh is a little "
            "wider. Look for what else differs.",
            "b": "The list says `val 2014` beside both.",
            "c": RIGHT,
        },
        "the larger step": {
            "a": RIGHT,
            "b": "Points are no measure of what is left: of 25.77 errors 10.46 went, two of five. "
            "Do the same for 2015.",
            "c": "What kind of network won is another question. Divide the errors that went by "
            "the errors that were there.",
        },
    },
    "comparison-costs": {
        "larger images": {
            "a": "A kernel is as large for a large image as for a small one: it moves to more "
            "positions, and brings no new parameters.",
            "b": "Each of those values has to be computed, with as many multiplications as before.",
            "c": "The work is done at each position, and each position leaves a value.",
            "d": RIGHT,
        },
        "more maps": {
            "a": "Twice as many kernels, that is right. But each of them also reads twice as many "
            "maps.",
            "b": RIGHT,
            "c": "A map is made by a kernel of its own. More maps are more kernels.",
        },
        "a larger batch": {
            "a": "All images of a batch meet the same weights. Only their values are their own.",
            "b": "Weights do not depend on the number of images.",
            "c": RIGHT,
        },
    },
    "comparison-flops": {
        "two numbers": {
            "a": RIGHT,
            "b": "Backwards is about twice the work of forwards, so both together would be about "
            "46 billion.",
            "c": "Both are right, each in its unit. Divide one by the other.",
        },
        "the naive module": {
            "a": "A MAC is two operations, not half of one.",
            "b": "That is the number of MACs. The chart counts the multiplication and the "
            "addition.",
            "c": RIGHT,
        },
    },
    "comparison-rate": {
        "twice the MACs": {
            "a": "If every MAC took the same time, it would. Small rows do not fill a machine, and "
            "rows that fetch many numbers for few MACs wait for memory.",
            "b": "B can also be faster: few large rows fill a machine better than many small ones.",
            "c": RIGHT,
        },
        "a dense layer": {
            "a": "For one image, most of the time goes into fetching weights that are used once. "
            "Who shares them in a batch?",
            "b": RIGHT,
            "c": "The batch as a whole takes longer. The question is about each image.",
        },
    },
    "comparison-phone": {
        "VGG-16 on a phone": {
            "a": "While it computes, an image needs memory as well: conv1_1 and conv1_2 alone make "
            "6.4 million values.",
            "b": RIGHT,
            "c": "All values are kept in training only. A phone lets a value go when the last row "
            "that reads it has run.",
            "d": "Gradients are for training. A phone trains nothing.",
        },
        "half the bytes": {
            "a": "Values are numbers as well, and in float16 each of them takes two bytes.",
            "b": RIGHT,
            "c": "There are as many multiplications as before. What may change is how fast each of "
            "them is.",
        },
        "two networks": {
            "a": "Memory holds both. Parameters that are few do not help if the values need the "
            "rest.",
            "b": "Memory holds both. VGG-16's parameters need 22 times as much as its values in "
            "use.",
            "c": RIGHT,
        },
    },
    "comparison-energy": {
        "two chips": {
            "a": RIGHT,
            "b": "Watts say how fast energy is used. Multiply them by the seconds of one image: A "
            "takes 10 · 2 = 20 joules.",
            "c": "A takes 10 · 2 joules for an image, and B 40 · 0.25.",
        },
        "the same power": {
            "a": "Equal power is equal energy a *second*. An image that takes longer takes more.",
            "b": "Parameters use no energy while they lie in memory. At equal power, time decides.",
            "c": RIGHT,
        },
    },
    "comparison-error": {
        "four times the images": {
            "a": "The number of images stands under the root.",
            "b": "More images make the measurement more certain.",
            "c": RIGHT,
        },
        "two people": {
            "a": "Each of the two is uncertain by its standard error, 0.57 and 0.56 points. The "
            "difference is 0.2.",
            "b": RIGHT,
            "c": "That a difference cannot be seen in 1,500 images does not mean that there is "
            "none.",
        },
        "what was shown": {
            "a": RIGHT,
            "b": "It was one task, and one person who had practised it. How people and networks "
            "see elsewhere was not measured.",
            "c": "The standard errors are 0.06 and 0.57 points, and the difference is 1.5.",
        },
    },
}
