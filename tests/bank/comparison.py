"""Answers to 07-comparison; exercise 9 is graded by a person."""

from tests.bank import Mistake

NOTEBOOK = "07-comparison/comparison.ipynb"

NETS = """nets = {{
    "AlexNet, 15.3 % (test 2012)": {},
    "AlexNet, 18.2 % (val 2012)": {},
    "VGG, 7.3 % (test 2014)": {},
    "GoogLeNet, 6.7 % (test 2014)": {},
    "GoogLeNet, 10.07 % (val 2014)": {},
    "ResNet, 3.57 % (test 2015)": {},
}}"""
MEMORY = "def megabytes(parameters, values, batch=1, width=4):\n    return "
MOST = '\nmost = {"parameters": "VGG-19", "MACs": "VGG-19", "values": "ResNet-152"}'

RIGHT = {
    "other words": {
        "claims-answer": NETS.format(7, 1.0, 7, 7, 1, 6),
        "relative-answer": """
def errors_removed(before, after):
    return (1 - after / before) * 100
""",
        "memory-answer": MEMORY
        + "sum(width * n for n in (parameters, batch * values)) * 1e-6"
        + MOST,
        "flops-answer": "def gflops(macs):\n    return macs * 2 * 10 ** -9",
        "median-answer": """
def typical(seconds, warm_up=1):
    from statistics import median
    return median(seconds[warm_up:])
""",
        "rate-answer": """
def billions_per_second(macs, seconds):
    return (macs / 10 ** 9) / seconds
""",
        "pareto-answer": """
def front(networks):
    def dominates(one, other):
        no_worse = one[1] <= other[1] and one[2] >= other[2]
        return no_worse and tuple(one[1:]) != tuple(other[1:])
    return sorted(n[0] for n in networks if not any(dominates(o, n) for o in networks))
""",
        "choose-answer": """
def choose(networks, macs, parameters, megabytes):
    for net in sorted(networks, key=lambda n: -n["accuracy"]):
        if net["macs"] <= macs and net["parameters"] <= parameters:
            if net["megabytes"] <= megabytes:
                return net["name"]
    return None
""",
        "energy-answer": """
def joules_per_image(watts, seconds, images):
    return watts / (images / seconds)
""",
        "power-answer": """
def mean_watts(before, after, seconds, largest):
    return (after - before) % largest * 1e-6 / seconds
""",
        "error-answer": """
def standard_error(percent, images):
    from math import sqrt
    p = percent / 100
    return sqrt(p * (1 - p) / images) * 100
""",
    },
}

MISTAKES = [
    Mistake(
        "everything an ensemble", "claims-answer", NETS.format(7, 7, 7, 7, 7, 6),
        ("comparison-claims",), "what was averaged stands behind the name",
    ),
    Mistake(
        "everything one network", "claims-answer", NETS.format(1, 1, 1, 1, 1, 1),
        ("comparison-claims",), "Look for the number in the list above",
    ),
    Mistake(
        "points instead of a share", "relative-answer",
        "def errors_removed(before, after):\n    return before - after",
        ("comparison-relative",), "errors_removed(20, 15) gives 5, it should give 25.",
    ),
    Mistake(
        "share of the new", "relative-answer",
        "def errors_removed(before, after):\n    return 100 * (before - after) / after",
        ("comparison-relative",), "it should give 25.",
    ),
    Mistake(
        "parameters for each image", "memory-answer",
        MEMORY + "(parameters + values) * batch * width / 1e6" + MOST,
        ("comparison-memory",), "megabytes(61706, 9118, 100, 4) gives",
    ),
    Mistake(
        "mebibytes", "memory-answer",
        MEMORY + "(parameters + batch * values) * width / 2**20" + MOST,
        ("comparison-memory",), "megabytes(61706, 9118, 1, 4) gives",
    ),
    Mistake(
        "values as parameters", "memory-answer",
        MEMORY + "(parameters + batch * values) * width / 1e6"
        + MOST.replace("ResNet-152", "VGG-19"),
        ("comparison-most",), "values: The value is not right. You have the text",
    ),
    Mistake(
        "one for one", "flops-answer", "def gflops(macs):\n    return macs / 1e9",
        ("comparison-flops",), "gflops(500000000) gives 0.5, it should give 1.",
    ),
    Mistake(
        "millions", "flops-answer", "def gflops(macs):\n    return 2 * macs / 1e6",
        ("comparison-flops",), "it should give 1.",
    ),
    Mistake(
        "halved", "flops-answer", "def gflops(macs):\n    return macs / 2e9",
        ("comparison-flops",), "gives 0.25, it should give 1.",
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
        "upside down", "rate-answer",
        "def billions_per_second(macs, seconds):\n    return seconds / macs * 1e9",
        ("comparison-rate",), "gives 0.25, it should give 4.",
    ),
    Mistake(
        "best accuracy only", "pareto-answer",
        "def front(networks):\n"
        "    best = max(n[2] for n in networks)\n"
        "    return sorted(n[0] for n in networks if n[2] == best)",
        ("comparison-front",), "it should give [a, b].",
    ),
    Mistake(
        "equals beat each other", "pareto-answer",
        "def front(networks):\n"
        "    return sorted(n for i, (n, c, a) in enumerate(networks) if not any(\n"
        "        i != j and d <= c and b >= a for j, (_, d, b) in enumerate(networks)))",
        ("comparison-front",), "gives [], it should give [a, b].",
    ),
    Mistake(
        "only strictly better beats", "pareto-answer",
        "def front(networks):\n"
        "    return sorted(n for n, c, a in networks\n"
        "                  if not any(d < c and b > a for _, d, b in networks))",
        ("comparison-front",), "it should give [b].",
    ),
    Mistake(
        "limits not reached", "choose-answer",
        "def choose(networks, macs, parameters, megabytes):\n"
        "    fit = [n for n in networks if n['macs'] < macs and n['parameters'] < parameters\n"
        "           and n['megabytes'] < megabytes]\n"
        "    return max(fit, key=lambda n: n['accuracy'])['name'] if fit else None",
        ("comparison-choose",), "it should give wide.",
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
        ("comparison-choose",), "gives small, it should give deep.",
    ),
    Mistake(
        "power of an image", "energy-answer",
        "def joules_per_image(watts, seconds, images):\n    return watts / images",
        ("comparison-energy",), "joules_per_image(10, 4, 2) gives 5, it should give 20.",
    ),
    Mistake(
        "all images together", "energy-answer",
        "def joules_per_image(watts, seconds, images):\n    return watts * seconds",
        ("comparison-energy",), "gives 40, it should give 20.",
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
        "not rooted", "error-answer",
        "def standard_error(percent, images):\n"
        "    p = percent / 100\n    return 100 * p * (1 - p) / images",
        ("comparison-error",), "it should give 5.",
    ),
    Mistake(
        "as a share", "error-answer",
        "def standard_error(percent, images):\n"
        "    p = percent / 100\n    return (p * (1 - p) / images) ** 0.5",
        ("comparison-error",), "gives 0.05, it should give 5.",
    ),
    Mistake(
        "per cent under the root", "error-answer",
        "def standard_error(percent, images):\n"
        "    return (percent * (1 - percent / 100) / images) ** 0.5",
        ("comparison-error",), "gives 0.5, it should give 5.",
    ),
    Mistake(
        "crops for networks", "claims-answer", NETS.format(7, 10, 7, 144, 1, 6),
        ("comparison-claims",), "AlexNet, 18.2 % (val 2012): The value is not right. You have 10.",
    ),
    Mistake(
        "what is left, not what went", "relative-answer",
        "def errors_removed(before, after):\n    return 100 * after / before",
        ("comparison-relative",), "errors_removed(20, 15) gives 75, it should give 25.",
    ),
    Mistake(
        "width forgotten", "memory-answer",
        MEMORY + "4 * (parameters + batch * values) / 1e6" + MOST,
        ("comparison-memory",), "megabytes(1000000, 1000000, 1, 2) gives 8, it should give 4.",
    ),
    Mistake(
        "deepest works most", "memory-answer",
        MEMORY + "(parameters + batch * values) * width / 1e6"
        + MOST.replace('"MACs": "VGG-19"', '"MACs": "ResNet-152"'),
        ("comparison-most",), 'You have the text "ResNet-152".',
    ),
    Mistake(
        "written otherwise than in the table", "memory-answer",
        MEMORY + "(parameters + batch * values) * width / 1e6" + MOST.replace("VGG-19", "VGG19"),
        ("comparison-most",), 'Names as in the table above, such as "VGG-16".',
    ),
    Mistake(
        "multiplied by the time", "rate-answer",
        "def billions_per_second(macs, seconds):\n    return macs * seconds / 1e9",
        ("comparison-rate",), "gives 1, it should give 4.",
    ),
    Mistake(
        "not in billions", "rate-answer",
        "def billions_per_second(macs, seconds):\n    return macs / seconds",
        ("comparison-rate",), "it should give 4.",
    ),
    Mistake(
        "power, not energy", "energy-answer",
        "def joules_per_image(watts, seconds, images):\n    return watts / seconds / images",
        ("comparison-energy",), "joules_per_image(10, 4, 2) gives 1.25, it should give 20.",
    ),
    Mistake(
        "joules for microjoules", "power-answer",
        "def mean_watts(before, after, seconds, largest):\n"
        "    return ((after - before) % largest) / seconds",
        ("comparison-power",), "it should give 15.",
    ),
]  # fmt: skip
