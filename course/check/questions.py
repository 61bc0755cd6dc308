"""Questions with a choice of answers: the reason why each wrong letter is wrong.

The questions stand in the notebooks, before the cells that show the effect. What belongs to the
letters stands here, so that the locked cells below an answer do not give it away. Each wrong letter
is a misconception that learners have.
"""

from course.check import words
from course.diagnosis import Cause, finding

RIGHT = ""  # stands in the place of the right letter's reason

QUESTIONS = {
    "lenet-relu": {
        "what changes": {
            "a": "Neither has any: S2 and S4 of today's LeNet-5 have no parameters. Those of 1998 "
            "had.",
            "b": "MACs are counted in convolutions and dense layers, and these stay as they are.",
            "c": RIGHT,
        },
        "ReLU and max pooling": {
            "a": RIGHT,
            "b": "ReLU never puts a smaller value above a larger one. So the largest value of a "
            "window is the same one before and after it.",
            "c": "ReLU never puts a smaller value above a larger one. So the largest value of a "
            "window is the same one before and after it.",
        },
        "ReLU and averages": {
            "a": "Take −3, 1, −2 and 2: the average of 0, 1, 0 and 2 is 0.75, and ReLU of −0.5 "
            "is 0.",
            "b": "Negative values make an average smaller. With ReLU first they count as 0.",
            "c": RIGHT,
        },
        "a moved digit": {
            "a": "Invariant is what does not change at all. The same kernel finds the same stroke "
            "two pixels further.",
            "b": RIGHT,
            "c": "S2 has one value for each two columns of C1.",
        },
    },
    "alexnet-sees": {
        "conv1": {
            "a": "The image is not divided: both GPUs have all three colours of it.",
            "b": RIGHT,
            "c": "conv1 has 96 kernels, and makes 96 maps. The question is what one of them reads.",
        },
        "conv2": {
            "a": RIGHT,
            "b": "conv1 makes 96 maps, half of them on each GPU. conv2 reads those on its own.",
            "c": "conv2 makes 256 maps. The question is what one kernel reads.",
        },
        "conv3": {
            "a": "conv3 is the convolution that looks across: it reads the maps of both GPUs.",
            "b": "conv3 makes 384 maps. The question is what one kernel reads.",
            "c": RIGHT,
        },
        "conv5": {
            "a": "conv4 makes 384 maps, half of them on each GPU. conv5 reads those on its own.",
            "b": RIGHT,
            "c": "conv5 makes 256 maps. The question is what one kernel reads.",
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
            "a": "Bottlenecks save weights of convolutions, and AlexNet's convolutions hold only "
            "4 % of its parameters.",
            "b": RIGHT,
            "c": "More layers are more weights. In which of its layers does AlexNet keep 96 %?",
        },
        "a larger image": {
            "a": "So it would be behind a Flatten. The average makes one number of each map, "
            "however large the map is.",
            "b": RIGHT,
            "c": "Convolutions, pools and averages take any size. AlexNet cannot take it: its fc6 "
            "has a weight for each place.",
        },
    },
    "comparison-relative": {
        "the same images": {
            "a": "The architecture and its number of parameters are the same. It was trained "
            "seven times.",
            "b": "The list says `val 2014` behind both.",
            "c": RIGHT,
        },
        "the larger step": {
            "a": "Points are no measure of what is left: of 25.77 errors 10.46 went, two of five. "
            "Do the same for 2015.",
            "b": RIGHT,
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


def wrong(got, name):
    """Findings about a dict {question: letter}; none if all letters are right."""
    if got is None:
        return [finding("", Cause.NOT_ANSWERED, hint="Fill in the cell above.")]
    if not isinstance(got, dict):
        kind = {"expected": "a dict with a letter for each question", "received": words.brief(got)}
        return [finding("", Cause.WRONG_KIND_OF_VALUE, **kind)]
    findings = []
    for question, reasons in QUESTIONS[name].items():
        letter = got.get(question)
        if letter is None:
            findings.append(finding(question, Cause.NOT_ANSWERED))
        elif letter not in list(reasons):
            hint = f'Write one of the letters "a" to "{max(reasons)}", in quotation marks. You '
            hint += f"have {words.quoted(letter)}."
            findings.append(finding(question, Cause.WRONG_VALUE, received=letter, hint=hint))
        elif reasons[letter] != RIGHT:
            findings.append(finding(question, Cause.CHOICE, received=letter, hint=reasons[letter]))
    return findings
