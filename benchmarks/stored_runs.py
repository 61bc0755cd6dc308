"""What the scripts share that train networks and store the runs for the notebooks.

An experiment is one file in course/histories: its nets, its seeds, its recipe. A finished run is
stored at once, and a run that the file has from the same recipe is not made again, so a script can
be stopped and started again. Every seed that was run is kept, not the best one.
"""

import argparse
import datetime
import json
import math
import os
import re
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def experiment(text, name, about, nets, train, measure):
    """Train each net with each seed that the file lacks, a whole seed first, and store every run.

    text: what the script says of itself. name: of the file. about: the data, the recipe, what the
    range is of. nets: {key: what is said of the net}. train(key, seed) gives a run, a dict of
    curves; measure(run) the number whose range over the seeds is stored with the net.
    """
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=REPO / f"course/histories/{name}.json")
    arguments = parser.parse_args()
    prepare()

    file, old = about | made_with() | {"seeds": arguments.seeds}, {}
    if arguments.out.exists():
        old = json.loads(arguments.out.read_text(encoding="utf-8"))
        same = all(old.get(key) == file[key] for key in (*about, "machine", "versions"))
        old = old["nets"] if same else {}
    runs = {key: old.get(key, {}).get("seeds", {}) for key in nets}
    for seed in arguments.seeds:
        for key in nets:
            if str(seed) in runs[key]:
                continue
            start = time.perf_counter()
            run = train(key, seed)
            run["minutes"] = round((time.perf_counter() - start) / 60, 2)
            runs[key][str(seed)] = run
            store(arguments.out, file | {"nets": summed_up(nets, runs, measure)})
            print(f"{key}, seed {seed}: {measure(run)} in {run['minutes']} min", flush=True)


def summed_up(nets, runs, measure):
    """{net: what is said of it, its range over the seeds, its runs}, of those that have any."""
    ranges = {
        key: [min(map(measure, made.values())), max(map(measure, made.values()))]
        for key, made in runs.items()
        if made
    }
    return {key: nets[key] | {"range": ranges[key], "seeds": runs[key]} for key in ranges}


def prepare():
    """Data from beside the repository, if there are any, and Keras as in the notebooks."""
    import course

    here = REPO.parent / "shared" / "data"
    if "TFDS_DATA_DIR" not in os.environ and here.is_dir():
        os.environ["TFDS_DATA_DIR"] = str(here)
    course.setup()


def images(limit=None, size=None, name="cifar10", seed=0):
    """(images, labels) for training and for testing, in memory: at most `limit` of each."""
    import numpy as np

    from course.kit import data

    parts = data.load(name, batch=1000, size=size and (size, size), limit=limit, seed=seed)
    return [
        tuple(np.concatenate(part) for part in zip(*part.as_numpy_iterator(), strict=True))
        for part in parts
    ]


def fresh(seed):
    """Forget the networks of the runs before, and begin all drawing of numbers with `seed`."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def counted(model, parameters):
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert count == parameters, f"{model.name} should have {parameters:,}, it has {count:,}"
    return model


def curves(history):
    """What `fit` returns, with numbers that are short enough for a file."""
    return {key: [round(float(v), 5) for v in curve] for key, curve in history.history.items()}


def made_with():
    import keras
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "machine": f"{cores} CPU cores, {f'{len(gpus)} GPU' if gpus else 'no GPU'}",
        "versions": f"Keras {keras.__version__}, TensorFlow {tf.__version__}",
        "date": datetime.date.today().isoformat(),
    }


def store(path, history):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(history, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]", in_a_line, text)
    path.write_text(text + "\n", encoding="utf-8")


def in_a_line(numbers):
    return f"[{' '.join(numbers[1].split())}]"
