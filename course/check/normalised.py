"""Batch normalisation written by hand: the right numbers, and the names of the usual mistakes.

A mistake is known by its numbers. If the formula with one or two things wrong gives exactly the
student's numbers, those things are named.
"""

from itertools import combinations, product

import numpy as np

from course.check import words
from course.check.agree import close, largest, where
from course.check.asked import ask, failed
from course.check.card import Card
from course.diagnosis import Cause, finding
from course.evidence import values
from course.language import N_, _, sentences
from course.network.words import shape_of


def card(function, cases, mode, seed):
    """The Card of a function in one of the `_MODES`, called with the cases and with drawn ones."""
    draw, parts = _MODES[mode]
    rng = np.random.default_rng(seed)
    cases = [*map(list, cases), draw(rng, maps=2), draw(rng, maps=3)]
    name = words.name(function)
    reply = ask(function, {"ask": "call", "cases": values.sendable(cases)})
    if "failed" in reply:
        return Card(name, [_stopped(reply, cases)])
    answers = reply["answers"]
    if len(parts) == 1:
        answers = [[answer] for answer in answers]
    for answer in answers:
        if not isinstance(answer, list) or len(answer) != len(parts):
            wanted, got = _("a tuple ({parts})").format(parts=", ".join(parts)), words.brief(answer)
            return Card(name, [finding("", Cause.WRONG_KIND_OF_VALUE, wanted, got)])
    columns = zip(parts.items(), zip(*answers, strict=True), strict=True)
    found = (_wrong(part, *about, got, cases) for (part, about), got in columns)
    return Card(name, list(filter(None, found)))


def _stopped(reply, cases):
    """The finding about a call that raised, or whose answer cannot be read."""
    number, hint = reply.get("case"), ""
    if type(number) is int and 0 <= number < len(cases) and "broadcast" in str(reply.get("text")):
        first, second = (shape_of(np.shape(value)) for value in cases[number][:2])
        hint = _(
            "The first argument was {first}, the second {second}. Means, variances, γ and β are "
            "one number for each map that comes out, the last axis."
        ).format(first=first, second=second)
    return failed(reply, _("a function that returns numbers"), hint)


def _wrong(part, right, hint, got, cases):
    """The finding about a part of the answers to all cases; None if it is right in all."""
    expected = [right(*case).tolist() for case in cases]
    wrong = [pair for pair in zip(got, expected, strict=True) if not _agree(*pair)]
    if not wrong:
        return None
    answer, wanted = wrong[0]
    said, brief = _named(right, cases, got) or _(hint), words.brief(answer)
    place = where(answer, wanted, _allowed(wanted))
    if not place:
        place = _("You have {received} instead of {expected}.")
        place = place.format(received=brief, expected=words.brief(wanted))
    return finding(part, Cause.WRONG_VALUE, received=brief, hint=sentences(said, place))


def _named(right, cases, got):
    """The sentences about one or two mistakes that give exactly these numbers; "" if none do."""
    for many in (1, 2):
        for keys in combinations(right.__kwdefaults__, many):
            for chosen in product(*(_MISTAKES[key] for key in keys)):
                changed = {key: value for key, (value, _sentence) in zip(keys, chosen, strict=True)}
                with np.errstate(all="ignore"):  # such as 0/0 without ε
                    made = [right(*case, **changed).tolist() for case in cases]
                if all(map(_agree, got, made)):
                    return sentences(*(_(sentence) for _wrong_value, sentence in chosen))
    return ""


def _agree(got, expected):
    return close(got, expected, _allowed(expected))


def _allowed(expected):
    """How far a number may be off: float32 is right, another formula is not."""
    return 1e-4 * max(1.0, largest(expected))


# --- the right numbers; a keyword is something that can be wrong


def _root(variance, epsilon):
    return np.sqrt(variance + epsilon)


def _same(value):
    return value


def _variance(x, axes, sample):
    """The variance of n values over some axes, divided by n; that of a sample by n - 1."""
    variance = x.var(axes, keepdims=True)
    n = x.size // variance.size
    return variance * np.divide(n, n - 1) if sample else variance


def _blend(old, new, momentum):
    return momentum * old + (1 - momentum) * new


def in_training(
    x, gamma, beta, mean, variance, momentum, epsilon,
    *, axes=(0, 1, 2), sample=False, own=True, centred=True,
    divisor=_root, gain=_same, shift=_same,
):  # fmt: skip
    """What a normalisation makes of a batch while it is trained: (images, H, W, maps) -> the same.

    Ioffe and Szegedy 2015, algorithm 1, as in keras.layers.BatchNormalization.
    """
    if own:
        mean, variance = x.mean(axes, keepdims=True), _variance(x, axes, sample)
    x = x - mean if centred else x
    return gain(gamma) * x / divisor(variance, epsilon) + shift(beta)


def moved_mean(x, gamma, beta, mean, variance, momentum, epsilon, *, blend=_blend):
    """The moving mean after one batch, one number for each map."""
    return blend(mean, x.mean((0, 1, 2)), momentum)


def moved_variance(
    x, gamma, beta, mean, variance, momentum, epsilon, *, blend=_blend, sample=False, spread=_same
):
    """The moving variance after one batch, one number for each map."""
    batch = _variance(x, (0, 1, 2), sample).ravel()
    return blend(variance, spread(batch), momentum)


def in_use(
    x, gamma, beta, mean, variance, epsilon,
    *, stored=True, centred=True, divisor=_root, gain=_same, shift=_same,
):  # fmt: skip
    """What a trained normalisation makes of images: (images, H, W, maps) -> the same."""
    if not stored:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    x = x - mean if centred else x
    return gain(gamma) * x / divisor(variance, epsilon) + shift(beta)


def folded_kernel(
    kernel, bias, gamma, beta, mean, variance, epsilon,
    *, divisor=_root, gain=_same, factor=_same,
):  # fmt: skip
    """The kernel (F, F, channels, maps) of a convolution that normalises as well, as in use."""
    return kernel * factor(gain(gamma) / divisor(variance, epsilon))


def folded_bias(
    kernel, bias, gamma, beta, mean, variance, epsilon,
    *, moved=lambda bias, mean, scale: scale * (bias - mean),
    divisor=_root, gain=_same, shift=_same,
):  # fmt: skip
    """The bias of that convolution, one number for each map."""
    return moved(bias, mean, gain(gamma) / divisor(variance, epsilon)) + shift(beta)


#: keyword: [(wrong value, the sentence about it)]
_MISTAKES = {
    "axes": [
        ((0,), N_("Each pixel has its own mean here. Take it over images, rows and columns.")),
        ((0, 1), N_("Each column of a map has its own mean here. A map has one mean.")),
        ((0, 2), N_("Each row of a map has its own mean here. A map has one mean.")),
        ((1, 2), N_("Each image has its own mean here. Take it over all images of the batch.")),
        ((3,), N_("The mean is over the maps of a pixel here. Each map has its own mean.")),
        ((1, 2, 3), N_("Each image has one mean here, over all its maps. Each map has its own.")),
        ((0, 1, 2, 3), N_("All maps share one mean here. Each map has its own.")),
    ],
    "sample": [
        (
            True,
            N_("This is the variance of a sample, divided by n − 1. It should be divided by n."),
        ),
    ],
    "own": [
        (False, N_("These are the moving averages. In training the batch's own statistics count.")),
    ],
    "stored": [
        (False, N_("These are the batch's own statistics. In use the moving averages count.")),
    ],
    "centred": [(False, N_("The mean is not subtracted."))],
    "divisor": [
        (lambda variance, epsilon: np.sqrt(variance), N_("ε is missing: √(variance + ε).")),
        (
            lambda variance, epsilon: np.sqrt(variance) + epsilon,
            N_("ε stands outside of the root. It belongs inside: √(variance + ε)."),
        ),
        (
            lambda variance, epsilon: variance + epsilon,
            N_("The root is missing. The divisor is √(variance + ε)."),
        ),
        (
            lambda variance, epsilon: np.sqrt(np.sqrt(variance) + epsilon),
            N_("The root is taken twice. The divisor is √(variance + ε)."),
        ),
        (
            lambda variance, epsilon: variance,
            N_("Your divisor is the variance. It should be √(variance + ε)."),
        ),
    ],
    "gain": [(np.ones_like, N_("γ is missing."))],
    "shift": [(np.zeros_like, N_("β is missing."))],
    "blend": [
        (
            lambda old, new, momentum: momentum * new + (1 - momentum) * old,
            N_("The momentum is the wrong way round: it is the share of the old value."),
        ),
        (lambda old, new, momentum: old, N_("This is still the old value, without this batch.")),
        (
            lambda old, new, momentum: new,
            N_("This is the batch's value alone, without the old one."),
        ),
        (
            lambda old, new, momentum: momentum * old + new,
            N_("The batch's value has to be multiplied by 1 − momentum."),
        ),
    ],
    "spread": [(np.sqrt, N_("This mixes in the root of the variance."))],
    "factor": [(np.ones_like, N_("This is the old kernel. γ and the division belong in it."))],
    "moved": [
        (lambda bias, mean, scale: -scale * mean, N_("The convolution's old bias is forgotten.")),
        (
            lambda bias, mean, scale: bias - scale * mean,
            N_("The old bias is normalised as well: multiply it as you multiply the kernel."),
        ),
        (lambda bias, mean, scale: scale * bias, N_("The mean is forgotten.")),
        (lambda bias, mean, scale: scale * (bias + mean), N_("The mean is added, not subtracted.")),
        (
            lambda bias, mean, scale: scale * bias - mean,
            N_("The mean is divided as well: multiply it as you multiply the kernel."),
        ),
    ],
}

_Y = N_("y = γ · (x − mean) / √(variance + ε) + β.")
_BATCH = N_(
    "y = γ · (x − mean) / √(variance + ε) + β. Each map has its own mean and variance in the batch."
)
_MOVED = N_("It is momentum · old value + (1 − momentum) · this batch's value, for each map.")
_FOLDED = N_("Multiply γ · (w ∗ x + b − mean) / √(variance + ε) + β out: what is multiplied by x?")


def _statistics(rng, maps):
    """γ, β, mean and variance of `maps` maps, and an ε that is large enough to be noticed."""
    limits = (1, 2), (1, 3), (-2, -1), (0.3, 0.9)
    return *(rng.uniform(low, high, maps) for low, high in limits), rng.uniform(0.1, 0.3)


def _batch(rng, maps):
    return rng.normal(range(maps), 1.5, (4, 5, 6, maps))  # no two sizes are equal: axes show


def _training_case(rng, maps):
    *statistics, epsilon = _statistics(rng, maps)
    return [_batch(rng, maps), *statistics, rng.uniform(0.7, 0.95), epsilon]


def _use_case(rng, maps):
    return [_batch(rng, maps), *_statistics(rng, maps)]


def _folding_case(rng, maps):
    return [rng.normal(size=(3, 3, 2, maps)), rng.uniform(2, 3, maps), *_statistics(rng, maps)]


#: mode: (a function that draws a case, {part of the answer: (right numbers, hint)})
_MODES = {
    "training": (
        _training_case,
        {
            "y": (in_training, _BATCH),
            "mean": (moved_mean, _MOVED),
            "variance": (moved_variance, _MOVED),
        },
    ),
    "use": (_use_case, {"y": (in_use, _Y)}),
    "folding": (
        _folding_case,
        {"kernel": (folded_kernel, _FOLDED), "bias": (folded_bias, _FOLDED)},
    ),
}
