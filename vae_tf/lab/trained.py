"""A network trained to the end: its stored weights, or a training here."""

import hashlib
import io
import json
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from vae_tf import machine, train
from vae_tf.support import checks

WEIGHTS = Path(__file__).with_name("weights")
set_seed = tf.random.set_seed    # also where a chapter's seeds are moved


def trained(model, arrays, validation, epochs, batchsize=100,
            learning_rate=0.006, seed=0, folder=WEIGHTS, keep=False):
    """Return a new model with trained weights, and the training's records.

    The arguments are the recipe. `arrays` are the images [n, h, w, c], or a
    tuple of what `model.loss` takes; `validation` is the same of images that
    are not trained on. Weights of exactly this recipe are loaded from
    `folder`. If there are none, one line says so, and the model is trained
    with Nadam (Dozat 2016), whose learning rate falls from `learning_rate` to
    0 in a straight line; with `keep` its weights are then stored. A record is
    that of `train`, with the loss of the validation images as "validation".
    Sets TensorFlow's global seed. Raises TypeError or ValueError, naming the
    argument, before any training.
    """
    checks.trainable(model)
    if model.variables:
        raise ValueError("The 'model' parameter of trained must be new. Got a "
                         f"{type(model).__name__} that has weights instead.")
    arrays, validation = [checks.training_arrays(model, given if isinstance(
        given, tuple) else (given,)) for given in (arrays, validation)]
    settings = {
        "epochs": checks.integer("epochs", epochs, "trained"),
        "batchsize": checks.integer("batchsize", batchsize, "trained",
                                    high=len(arrays[-1])),
        "learning_rate": checks.positive_number(
            "learning_rate", learning_rate, "trained"),
        "seed": checks.integer("seed", seed, "trained", low=0)}
    recipe = {"model": described(model), **settings, "data": [
        digest(array.tobytes()) for array in arrays + validation]}
    name = digest(json.dumps(recipe).encode())[:8]
    path = Path(folder, f"{type(model).__name__}-{name}.json")
    try:
        log = load(path, recipe, model, validation)
    except ValueError as reason:
        print(f"{reason}: training here, for {epochs} epochs.")
        log = {"recipe": recipe, "machine": machine(),
               **learn(model, arrays, validation, **settings)}
        if keep:
            store(path, log, model, validation)
    print(f"{path.stem}: {epochs} epochs, validation loss {log['loss']:.2f},\n"
          f"    trained in {log['seconds']:.0f} CPU seconds on "
          f"{log['machine']}")
    return model, log["records"]


def load(path, recipe, model, validation):
    """Give the model its stored weights and return their log.

    Raises ValueError, saying why not, with the model as it would have been.
    """
    if not path.exists():
        raise ValueError("No weights of this recipe are stored")
    try:
        log = json.loads(path.read_text())
        packed = path.with_suffix(".npz").read_bytes()
        kept, known = log["recipe"], log["digest"]
    except (OSError, ValueError, LookupError, TypeError):
        raise ValueError(f"{path.stem} lacks its log or its weights") from None
    if kept != recipe:
        raise ValueError(f"{path.stem} is of another recipe")
    if digest(packed) != known:
        raise ValueError(f"{path.stem}.npz is cut short or damaged")
    with np.load(io.BytesIO(packed), allow_pickle=False) as file:
        weights = [np.float32(file[name]) for name in file.files]
    set_seed(recipe["seed"])
    model.loss(*[array[:1] for array in validation])  # makes the variables
    before = [v.numpy() for v in model.trainable_variables]
    if [v.shape for v in before] != [w.shape for w in weights]:
        raise ValueError(f"{path.stem} is of another shape")
    assign(model, weights)
    if not np.isclose(loss(model, validation), log["loss"], rtol=1e-3):
        assign(model, before)
        raise ValueError(f"{path.stem} gives this model another loss")
    return log


def learn(model, arrays, validation, epochs, batchsize, learning_rate, seed):
    """Train a model and return the log of its training."""
    falling = tf.keras.optimizers.schedules.PolynomialDecay(
        learning_rate, epochs * (len(arrays[-1]) // batchsize), 0.0)
    optimizer = tf.keras.optimizers.Nadam(
        falling, beta_1=0.95, beta_2=0.97, global_clipnorm=100.0)
    start, records = time.process_time(), []
    for record in train(model, *arrays, epochs=epochs, batchsize=batchsize,
                        seed=seed, optimizer=optimizer):
        record["validation"] = loss(model, validation)
        records.append({k: round(value, 3) for k, value in record.items()})
        if len(records) == 1:
            minutes = epochs * record["seconds"] / 60
            print(f"This takes about {minutes:.1f} minutes.")
    return {"seconds": time.process_time() - start, "records": records,
            "loss": record["validation"]}


def store(path, log, model, validation):
    """Round a model's weights to float16, and write them and the log."""
    weights = [np.float16(v) for v in model.trainable_variables]
    assign(model, weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path.with_suffix(".npz"), *weights)
    log.update(loss=loss(model, validation),
               digest=digest(path.with_suffix(".npz").read_bytes()))
    path.write_text(json.dumps(log) + "\n")


def assign(model, weights):
    """Give a model's variables their values."""
    for variable, value in zip(model.trainable_variables, weights):
        variable.assign(np.float32(value))


def loss(model, images):
    """Return the mean loss over a model's arrays, with the same noise."""
    set_seed(0)
    return float(model.loss(*images)["loss"])


def described(model):
    """Return a model's class and settings, such as VAE{'n_z': 20}."""
    return type(model).__name__ + str({
        name: getattr(value, "__name__", value)
        for name, value in vars(model).items() if name[0] != "_"
        and (callable(value) or isinstance(value, (int, float, str)))})


def digest(contents):
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(contents).hexdigest()
