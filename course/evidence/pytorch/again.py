"""Steps of a traced PyTorch module run again, on numbers this time, to see what they compute."""

from course.evidence.pytorch.known import each, each_of, tensors


def again(tracer, region, given):
    """What the last step of a region makes, an array with its images first and channels last.

    `region` are numbers of steps in their order, and `given` is {(step, output): array} of what
    they read from outside, in the same form.
    """
    import numpy as np

    images = len(next(iter(given.values())))
    made = []
    for first in range(0, images, tracer.batch):  # a view() may name the number of images
        rows = [min(first + row, images - 1) for row in range(tracer.batch)]
        made.append(_ran(tracer, region, {at: array[rows] for at, array in given.items()}))
    return np.concatenate(made)[:images]


def _ran(tracer, region, given):
    torch, made = tracer.torch, {}
    for number in region:
        call = tracer.calls[number]

        def value(tensor, call=call):
            if id(tensor) not in call.found:
                return tracer.known.constant(tensor).real()
            where, layout = call.found[id(tensor)]
            if where not in made:
                axes = (0, *(axis + 1 for axis in layout))
                made[where] = torch.from_numpy(given[where]).permute(axes)
            return made[where]

        args = each_of(call.args, value)
        result = call.function(*args, **each(call.kwargs, value))
        for output, tensor in enumerate(tensors(result) or [args[0]]):
            made[number, output] = tensor
    layout = call.layout
    back = sorted(range(len(layout)), key=lambda side: layout[side])
    return made[region[-1], 0].permute(0, *(side + 1 for side in back)).numpy()
