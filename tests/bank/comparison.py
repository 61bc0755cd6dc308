"""Answers to 07-comparison; exercise 9 is graded by a person."""

from tests.bank import Mistake, letters

NOTEBOOK = "07-comparison/comparison.ipynb"

# The right letters
ERRORS = {"the same images": "c", "the larger step": "a"}
GROWS = {"larger images": "d", "more maps": "b", "a larger batch": "c"}
OPERATIONS = {"two numbers": "a", "the naive module": "c"}
TIMES = {"twice the MACs": "c", "a dense layer": "b"}
PHONE = {"VGG-16 on a phone": "b", "half the bytes": "b", "two networks": "c"}
ENERGY = {"two chips": "a", "the same power": "c"}
CERTAIN = {"four times the images": "c", "two people": "b", "what was shown": "a"}

NETS = """nets = {{
    "AlexNet, 15.3 % (test 2012)": {},
    "AlexNet, 18.2 % (val 2012)": {},
    "VGG, 7.3 % (test 2014)": {},
    "GoogLeNet, 6.7 % (test 2014)": {},
    "GoogLeNet, 10.07 % (val 2014)": {},
    "ResNet, 3.57 % (test 2015)": {},
}}"""
ALIVE = "def most_at_once(sizes, last_reader):\n"

RIGHT = {
    "other words": {
        "claims-answer": NETS.format(7, 1.0, 7, 7, 1, 6),
        "relative-answer": "errors = {}\n"
        "errors['the same images'], errors['the larger step'] = 'ca'",
        "costs-answer": "grows = {'larger images': 'd'}\n"
        "grows |= {'more maps': 'b', 'a larger batch': 'c'}",
        "alive-answer": ALIVE
        + """
    places, most = {0}, 0
    for row in range(1, len(sizes)):
        places.add(row)
        most = max(most, sum(sizes[place] for place in places))
        places = {place for place in places if last_reader[place] > row}
    return most
""",
        "flops-answer": letters("operations", OPERATIONS),
        "median-answer": """
def typical(seconds, warm_up=1):
    from statistics import median
    return median(seconds[warm_up:])
""",
        "rate-answer": letters("times", TIMES),
        "pareto-answer": """
def front(networks):
    def dominates(one, other):
        no_worse = one[1] <= other[1] and one[2] >= other[2]
        return no_worse and tuple(one[1:]) != tuple(other[1:])
    return sorted(n[0] for n in networks if not any(dominates(o, n) for o in networks))
""",
        "phone-answer": "phone = {'two networks': 'c', 'half the bytes': 'b'}\n"
        "phone['VGG-16 on a phone'] = 'b'\n",
        "choose-answer": """
def choose(networks, macs, parameters, megabytes):
    for net in sorted(networks, key=lambda n: -n["accuracy"]):
        if net["macs"] <= macs and net["parameters"] <= parameters:
            if net["megabytes"] <= megabytes:
                return net["name"]
    return None
""",
        "energy-answer": letters("energy", ENERGY),
        "power-answer": """
def mean_watts(before, after, seconds, largest):
    return (after - before) % largest * 1e-6 / seconds
""",
        "error-answer": letters("certain", CERTAIN),
    },
}

MISTAKES = [
    Mistake(
        "everything an ensemble", "claims-answer", NETS.format(7, 7, 7, 7, 7, 6),
        ("comparison-claims",), "what was averaged stands after the name",
    ),
    Mistake(
        "everything one network", "claims-answer", NETS.format(1, 1, 1, 1, 1, 1),
        ("comparison-claims",), "Look for the number in the list above",
    ),
    Mistake(
        "warm-up kept", "median-answer",
        "from statistics import median\n"
        "def typical(seconds, warm_up=1):\n    return median(seconds)",
        ("comparison-median",), "typical([9, 2, 1, 3], 1) gives 2.5, it should give 2.",
    ),
    Mistake(
        "the mean", "median-answer",
        "def typical(seconds, warm_up=1):\n"
        "    return sum(seconds[warm_up:]) / len(seconds[warm_up:])",
        ("comparison-median",), "it should give 3.",
    ),
    Mistake(
        "not sorted", "median-answer",
        "def typical(seconds, warm_up=1):\n"
        "    kept = seconds[warm_up:]\n    return kept[len(kept) // 2]",
        ("comparison-median",), "gives 1, it should give 2.",
    ),
    Mistake(
        "best accuracy only", "pareto-answer",
        "def front(networks):\n"
        "    best = max(n[2] for n in networks)\n"
        "    return sorted(n[0] for n in networks if n[2] == best)",
        ("comparison-front",), "it should give ['a', 'b'].",
    ),
    Mistake(
        "equals beat each other", "pareto-answer",
        "def front(networks):\n"
        "    return sorted(n for i, (n, c, a) in enumerate(networks) if not any(\n"
        "        i != j and d <= c and b >= a for j, (_, d, b) in enumerate(networks)))",
        ("comparison-front",), "gives [], it should give ['a', 'b'].",
    ),
    Mistake(
        "only strictly better beats", "pareto-answer",
        "def front(networks):\n"
        "    return sorted(n for n, c, a in networks\n"
        "                  if not any(d < c and b > a for _, d, b in networks))",
        ("comparison-front",), "it should give ['b'].",
    ),
    Mistake(
        "limits not reached", "choose-answer",
        "def choose(networks, macs, parameters, megabytes):\n"
        "    fit = [n for n in networks if n['macs'] < macs and n['parameters'] < parameters\n"
        "           and n['megabytes'] < megabytes]\n"
        "    return max(fit, key=lambda n: n['accuracy'])['name'] if fit else None",
        ("comparison-choose",), "it should give 'wide'.",
    ),
    Mistake(
        "nothing fits is an error", "choose-answer",
        "def choose(networks, macs, parameters, megabytes):\n"
        "    fit = [n for n in networks if n['macs'] <= macs and n['parameters'] <= parameters\n"
        "           and n['megabytes'] <= megabytes]\n"
        "    return max(fit, key=lambda n: n['accuracy'])['name']",
        ("comparison-choose",), "Your code stops with an error",
    ),
    Mistake(
        "cheapest", "choose-answer",
        "def choose(networks, macs, parameters, megabytes):\n"
        "    return min(networks, key=lambda n: n['macs'])['name']",
        ("comparison-choose",), "gives 'small', it should give 'deep'.",
    ),
    Mistake(
        "not gone around", "power-answer",
        "def mean_watts(before, after, seconds, largest):\n"
        "    return (after - before) / 1e6 / seconds",
        ("comparison-power",), "gives -970, it should give 30.",
    ),
    Mistake(
        "energy, not power", "power-answer",
        "def mean_watts(before, after, seconds, largest):\n"
        "    return ((after - before) % largest) / 1e6",
        ("comparison-power",), "gives 30, it should give 15.",
    ),
    Mistake(
        "crops for networks", "claims-answer", NETS.format(7, 10, 7, 144, 1, 6),
        ("comparison-claims",), "AlexNet, 18.2 % (val 2012): The value is not right. You have 10.",
    ),
    Mistake(
        "joules for microjoules", "power-answer",
        "def mean_watts(before, after, seconds, largest):\n"
        "    return ((after - before) % largest) / seconds",
        ("comparison-power",), "it should give 15.",
    ),
    Mistake(
        "a larger network won", "relative-answer",
        letters("errors", ERRORS, the_same_images="a"),
        ("comparison-relative",), "the same images: It is not a. Six of the seven",
    ),
    Mistake(
        "test images against validation images", "relative-answer",
        letters("errors", ERRORS, the_same_images="b"),
        ("comparison-relative",), "It is not b. The list says `val 2014` beside both.",
    ),
    Mistake(
        "points instead of a share", "relative-answer",
        letters("errors", ERRORS, the_larger_step="b"),
        ("comparison-relative",), "Points are no measure of what is left",
    ),
    Mistake(
        "the first network of its kind", "relative-answer",
        letters("errors", ERRORS, the_larger_step="c"),
        ("comparison-relative",), "What kind of network won is another question.",
    ),
    Mistake(
        "parameters grow with the image", "costs-answer",
        letters("grows", GROWS, larger_images="a"),
        ("comparison-costs",), "larger images: It is not a. A kernel is as large for a large image",
    ),
    Mistake(
        "values cost no work", "costs-answer",
        letters("grows", GROWS, larger_images="b"),
        ("comparison-costs",), "Each of those values has to be computed",
    ),
    Mistake(
        "work without values", "costs-answer",
        letters("grows", GROWS, larger_images="c"),
        ("comparison-costs",), "each position leaves a value",
    ),
    Mistake(
        "twice the maps, twice the parameters", "costs-answer",
        letters("grows", GROWS, more_maps="a"),
        ("comparison-costs",), "But each of them also reads twice as many maps.",
    ),
    Mistake(
        "maps cost no parameters", "costs-answer",
        letters("grows", GROWS, more_maps="c"),
        ("comparison-costs",), "A map is made by a kernel of its own.",
    ),
    Mistake(
        "parameters for each image", "costs-answer",
        letters("grows", GROWS, a_larger_batch="a"),
        ("comparison-costs",), "All images of a batch meet the same weights.",
    ),
    Mistake(
        "only parameters for each image", "costs-answer",
        letters("grows", GROWS, a_larger_batch="b"),
        ("comparison-costs",), "Weights do not depend on the number of images.",
    ),
    Mistake(
        "the sum, as in training", "alive-answer",
        ALIVE + "    return sum(sizes)",
        ("comparison-alive",), "gives 10, it should give 6. A row needs its own values",
    ),
    Mistake(
        "a row and the one above, shortcuts forgotten", "alive-answer",
        ALIVE + "    return max(a + b for a, b in zip(sizes, sizes[1:]))",
        ("comparison-alive",), "[1, 3, 3, 3]) gives 6, it should give 9.",
    ),
    Mistake(
        "the largest row alone", "alive-answer",
        ALIVE + "    return max(sizes)",
        ("comparison-alive",), "[1, 2, 3, 3]) gives 4, it should give 6.",
    ),
    Mistake(
        "gone one row too early", "alive-answer",
        ALIVE + "    rows = range(1, len(sizes))\n"
        "    return max(sizes[i] + sum(sizes[j] for j in range(i) if last_reader[j] > i)"
        " for i in rows)",
        ("comparison-alive",), "gives 4, it should give 6.",
    ),
    Mistake(
        "forwards and backwards", "flops-answer",
        letters("operations", OPERATIONS, two_numbers="b"),
        ("comparison-flops",), "Backwards is about twice the work of forwards",
    ),
    Mistake(
        "one of the two is wrong", "flops-answer",
        letters("operations", OPERATIONS, two_numbers="c"),
        ("comparison-flops",), "Both are right, each in its unit.",
    ),
    Mistake(
        "halved", "flops-answer",
        letters("operations", OPERATIONS, the_naive_module="a"),
        ("comparison-flops",), "A MAC is two operations, not half of one.",
    ),
    Mistake(
        "one for one", "flops-answer",
        letters("operations", OPERATIONS, the_naive_module="b"),
        ("comparison-flops",), "That is the number of MACs.",
    ),
    Mistake(
        "time is proportional to MACs", "rate-answer",
        letters("times", TIMES, twice_the_MACs="a"),
        ("comparison-rate",), "If every MAC took the same time, it would.",
    ),
    Mistake(
        "larger is slower", "rate-answer",
        letters("times", TIMES, twice_the_MACs="b"),
        ("comparison-rate",), "few large rows fill a machine better",
    ),
    Mistake(
        "each image alone", "rate-answer",
        letters("times", TIMES, a_dense_layer="a"),
        ("comparison-rate",), "Who shares them in a batch?",
    ),
    Mistake(
        "the time of the batch", "rate-answer",
        letters("times", TIMES, a_dense_layer="c"),
        ("comparison-rate",), "The question is about each image.",
    ),
    Mistake(
        "power for energy", "energy-answer",
        letters("energy", ENERGY, two_chips="b"),
        ("comparison-energy",), "Watts say how fast energy is used.",
    ),
    Mistake(
        "both the same", "energy-answer",
        letters("energy", ENERGY, two_chips="c"),
        ("comparison-energy",), "A takes 10 · 2 joules for an image, and B 40 · 0.25.",
    ),
    Mistake(
        "the same power, the same energy", "energy-answer",
        letters("energy", ENERGY, the_same_power="a"),
        ("comparison-energy",), "Equal power is equal energy a *second*.",
    ),
    Mistake(
        "parameters use energy", "energy-answer",
        letters("energy", ENERGY, the_same_power="b"),
        ("comparison-energy",), "Parameters use no energy while they lie in memory.",
    ),
    Mistake(
        "not rooted", "error-answer",
        letters("certain", CERTAIN, four_times_the_images="a"),
        ("comparison-error",), "The number of images stands under the root.",
    ),
    Mistake(
        "less certain with more images", "error-answer",
        letters("certain", CERTAIN, four_times_the_images="b"),
        ("comparison-error",), "More images make the measurement more certain.",
    ),
    Mistake(
        "a difference within chance", "error-answer",
        letters("certain", CERTAIN, two_people="a"),
        ("comparison-error",), "The difference is 0.2.",
    ),
    Mistake(
        "not seen, so not there", "error-answer",
        letters("certain", CERTAIN, two_people="c"),
        ("comparison-error",), "does not mean that there is none.",
    ),
    Mistake(
        "better than people", "error-answer",
        letters("certain", CERTAIN, what_was_shown="b"),
        ("comparison-error",), "It was one task, and one person who had practised it.",
    ),
    Mistake(
        "cannot be told apart", "error-answer",
        letters("certain", CERTAIN, what_was_shown="c"),
        ("comparison-error",), "The standard errors are 0.06 and 0.57 points",
    ),
    Mistake(
        "words for letters", "costs-answer",
        letters("grows", GROWS, larger_images="values"),
        ("comparison-costs",), 'Write one of the letters "a" to "d", in quotation marks.',
    ),
    Mistake(
        "parameters alone",
        "phone-answer",
        letters("phone", PHONE, **{"VGG-16 on a phone": "a"}),
        ("comparison-phone",),
        "While it computes, an image needs memory as well",
    ),
    Mistake(
        "all values on a phone",
        "phone-answer",
        letters("phone", PHONE, **{"VGG-16 on a phone": "c"}),
        ("comparison-phone",),
        "All values are kept in training only.",
    ),
    Mistake(
        "gradients on a phone",
        "phone-answer",
        letters("phone", PHONE, **{"VGG-16 on a phone": "d"}),
        ("comparison-phone",),
        "A phone trains nothing.",
    ),
    Mistake(
        "values keep their bytes",
        "phone-answer",
        letters("phone", PHONE, half_the_bytes="a"),
        ("comparison-phone",),
        "Values are numbers as well",
    ),
    Mistake(
        "half the bytes, half the MACs",
        "phone-answer",
        letters("phone", PHONE, half_the_bytes="c"),
        ("comparison-phone",),
        "There are as many multiplications as before.",
    ),
    Mistake(
        "parameters decide",
        "phone-answer",
        letters("phone", PHONE, two_networks="a"),
        ("comparison-phone",),
        "Parameters that are few do not help",
    ),
    Mistake(
        "values decide",
        "phone-answer",
        letters("phone", PHONE, two_networks="b"),
        ("comparison-phone",),
        "VGG-16's parameters need 22 times as much",
    ),
]  # fmt: skip

# Neither a small example nor a square nor a single map shows these mistakes.
MISTAKES += [
    Mistake(
        "the image forgotten", "alive-answer",
        "def most_at_once(sizes, last_reader):\n"
        "    rows = range(1, len(sizes))\n"
        "    return max(sum(sizes[r] for r in rows if r <= row <= last_reader[r]) for row in rows)",
        ("comparison-alive",), "gives 6, it should give 13.",
    ),
]  # fmt: skip
