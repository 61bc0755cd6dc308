"""Convolutions whose weights are multiplied with zeros and ones: which maps each one sees."""

from dataclasses import replace
from math import prod

from course.evidence.pytorch.calls import MAP, NotExpressed, add_last, channels_last


def of(name, constants):
    """The Constant with which a product multiplies a parameter, or None if it does not."""
    if name not in ("mul", "multiply") or len(constants) != 2:
        return None
    mask, learned = sorted(constants, key=lambda constant: len(constant.learned))
    masked = learned.learned and learned.whole and not (learned.mask or mask.learned or mask.random)
    return mask if masked and mask.value.numel() > 1 else None


def overwritten(known, tensor, mask):
    """Note that a parameter, or its data, was multiplied in place."""
    constant = known.constant(tensor)
    (learned, *_) = constant.learned
    for value in (tensor, learned) if constant.view else (tensor,):
        for one in (value, known.twin(value)):
            known.note(one, replace(known.constant(one), mask=mask, whole=False))


def connections(call, weight):
    """For each map that a masked convolution makes, the numbers of the maps that it sees.

    None if its weights are not masked. Raises NotExpressed if that is no table of connections.
    """
    constant = call.tracer.known.constant(weight)
    if constant.mask is None:
        return None
    mask = constant.mask.real()
    if mask.device.type == "meta" or mask.dim() > weight.dim():
        raise NotExpressed
    mask = mask.expand(weight.shape).flatten(2)
    seen = mask.any(2)
    if not (mask == seen[:, :, None]).all() or not seen.any(1).all():
        raise NotExpressed
    return [row.nonzero().flatten().tolist() for row in seen]


def convolution(call, config, source, padding, weights, table):
    """Add a convolution that sees a part of its maps, as one for each map that it makes.

    `source` is its input with the padding, `weights` are those that the layer holds.
    """
    tracer = call.tracer
    trained = all(w.requires_grad and id(w) in tracer.registered for w in weights)
    name = tracer.paths.get(id(tracer.stack[-1]), "") if tracer.stack else ""
    high, wide, _ = channels_last(tuple(call.made[0].shape), MAP)
    sides = [own + 2 * more for own, more in zip(call.shape(call.x)[:2], padding, strict=True)]
    made = []
    for maps in table:
        taken = [source, maps]
        at = tracer.step(call, "ops.Take", {"axis": -1}, taken, [[*sides, len(maps)]])
        count = len(maps) * prod(config["kernel_size"]) + config["use_bias"]
        more = {"parameters": count, "trained": trained * count, "trainable": trained}
        one, taken = config | {"filters": 1}, [{"tensor": [at, 0]}]
        at = tracer.step(call, "layers.Conv2D", one, taken, [[high, wide, 1]], (), name, **more)
        made.append({"tensor": [at, 0]})
    add_last(call, "layers.Concatenate", {"axis": -1}, [made], layouts=[MAP])
