"""A sweep with Ray Tune: two trials at a time, each of which records its gradients.

python sweep.py URL    where the recordings go: a folder, or s3://bucket/sweep as fsspec knows it
"""

import argparse
import os
from pathlib import Path

import numpy as np
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

TIMESTEPS = 40


def adding_problem(samples, seed):
    """The sum of the two numbers of a sequence that are marked: one early, one late."""
    rng = np.random.default_rng(seed)
    numbers, marks = rng.uniform(size=(2, samples, TIMESTEPS))
    early, late = np.arange(TIMESTEPS) < 10, np.arange(TIMESTEPS) >= TIMESTEPS - 10
    marked = sum(
        (marks == np.where(half, marks, 0).max(axis=1, keepdims=True)) for half in (early, late)
    )
    y = (numbers * marked).sum(axis=1, keepdims=True)
    return np.stack([numbers, marked], axis=-1).astype("float32"), y.astype("float32")


def train(config):
    """One trial, in a process of its own."""
    # imported here: the process that starts the trials needs no TensorFlow
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # its warnings only
    import keras
    import tensorflow as tf

    from rnngrad_widgets import GradientRecorder

    tf.config.threading.set_intra_op_parallelism_threads(1)  # a trial has one CPU
    keras.utils.set_random_seed(config["seed"])
    cell = getattr(keras.layers, config["cell"])
    model = keras.Sequential(
        [keras.Input((TIMESTEPS, 2)), cell(24, name="rnn"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    x, y = adding_problem(1024, seed=config["seed"])
    probe = adding_problem(
        16, seed=1000
    )  # one batch, the same in every trial, so that they compare

    # The id is the trial's alone: two trials never write to one path, whatever their settings.
    trial = tune.get_context().get_trial_id()
    recorder = GradientRecorder(
        f"{config['url']}/{config['cell']}-{config['seed']}-{trial}",
        *probe,
        every=8,
        max_overhead=0.2,  # of the training time; a run of seconds can afford more than 5 %
    )
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda _, logs: tune.report({"loss": logs["loss"]})
    )
    model.fit(x, y, epochs=config["epochs"], verbose=0, callbacks=[recorder, report])


def main():
    """Start the trials and wait for them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--cells", nargs="+", default=["LSTM", "GRU", "SimpleRNN"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2, help="processes on this machine")
    parser.add_argument("--results", default="~/ray_results", help="what Ray itself keeps")
    args = parser.parse_args()
    # Trials run in other folders, where a relative path would be another one.
    url = args.url if "://" in args.url else str(Path(args.url).resolve())

    if "RAY_ADDRESS" not in os.environ:  # else the cluster that it names
        ray.init(num_cpus=args.workers, include_dashboard=False, _node_ip_address="127.0.0.1")
    tuner = tune.Tuner(
        train,
        param_space={
            "url": url,
            "cell": tune.grid_search(args.cells),
            "seed": tune.grid_search(list(range(args.seeds))),
            "epochs": args.epochs,
        },
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            # Stops trials that learn less than half of the others after 4, 8, 16 ... epochs. max_t
            # is one more than there are: a trial that is stopped when it reports the last epoch
            # does not come to the end of `fit`, where the recorder takes the last state.
            scheduler=ASHAScheduler(max_t=args.epochs + 1, grace_period=4, reduction_factor=2),
        ),
        run_config=tune.RunConfig(storage_path=str(Path(args.results).expanduser().resolve())),
    )
    for result in tuner.fit():
        metrics = result.metrics or {}
        ended = "failed" if result.error else f"loss {metrics['loss']:.4f}"
        print(result.config["cell"], result.config["seed"], ended)


if __name__ == "__main__":
    main()
