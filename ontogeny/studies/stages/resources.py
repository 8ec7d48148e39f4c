"""What the jobs of the study of stages ask of a scheduler: megabytes, and minutes.

A draw goes through the model forwards and backwards on its batch, 6 operations a parameter and
token, and forwards once more for the baseline, 2; and it makes a normal number for each parameter,
with what is added to it some 40 operations' time. A core reaches `SMALL` operations a second with
the models of the toy and lab tiers, many in lockstep (docs/studies/stages.md has the rates).
"""

from ontogeny.planning.layout import studied_steps
from ontogeny.planning.resources import (
    MODEL_JOB,
    gpus,
    layers_and_heads,
    minutes,
    parameters,
    per_attempt,
    rate,
)
from ontogeny.planning.study import Config
from ontogeny.studies.stages import layout

SMALL = 2.0e9
OF_A_DRAW, OF_NOISE = 8, 40


def chains_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of chains, in MB.

    Chains in flight, their gradients and their preconditioner, and all checkpoints of a seed, in 32
    bits; and what is kept for the backward pass, which is bounded.
    """
    own = layout.sampling(config, run)
    chains = own["chains"] * own["checkpoints_at_once"]
    copies = 3 * chains + 2 * len(studied_steps(config, "stages", run))
    weights = 4 * copies * parameters(config["runs"][run]) / 1e6
    return per_attempt(MODEL_JOB + 2000 + weights, attempt)


def chains_runtime(config: Config, run: str, attempt: int = 1) -> int:
    """Return the running time of measuring a seed's checkpoints, in minutes."""
    steps = len(studied_steps(config, "stages", run))
    refined = _refined(config, run, *layers_and_heads(config["runs"][run]))
    draws = (steps + refined) * _draws(layout.sampling(config, run))
    return minutes(30 + steps + _seconds(config, run, draws) / 60, attempt)


def calibration_runtime(config: Config, run: str, attempt: int = 1) -> int:
    """Return the running time of the sweep over all seeds, in minutes."""
    checkpoints = len(layout.swept(config, run))
    draws = (
        checkpoints * _conditions(layout.sweep(config, run)) * _draws(layout.sampling(config, run))
    )
    return minutes(30 + checkpoints + _seconds(config, run, draws) / 60, attempt)


def regression_runtime(config: Config, attempt: int = 1) -> int:
    """Return the running time of training on regression and measuring, in minutes."""
    settings = layout.regression_settings(config)
    if not settings:
        return minutes(30, attempt)
    chains = layout.sampling(config, layout.REGRESSION)
    width, layers = settings["width"], settings["layers"]
    weights = layers * (4 * width**2 + 2 * width * settings["feedforward"])
    tokens = 2 * settings["examples"]
    seeds, steps = len(settings["seeds"]), settings["steps"]
    sweep = layout.sweep(config, layout.REGRESSION)
    swept = min(sweep["checkpoints"], len(steps))
    refined = _refined(config, layout.REGRESSION, layers, settings["heads"])
    draws = seeds * (len(steps) + refined + swept * _conditions(sweep)) * _draws(chains)
    each = OF_A_DRAW * tokens * chains["batch_size"] + OF_NOISE
    training = 6 * tokens * settings["batch_size"] * steps[-1] * seeds
    speed = rate(gpus(config), config["studies"]["stages"]["threads"], core=SMALL)
    return minutes(30 + weights * (training + draws * each) / speed / 60, attempt)


def _seconds(config: Config, run: str, draws: int) -> float:
    settings = config["studies"]["stages"]
    tokens = layout.sampling(config, run)["batch_size"] * settings["sequence_length"]
    operations = parameters(config["runs"][run]) * (OF_A_DRAW * tokens + OF_NOISE)
    return draws * operations / rate(gpus(config), settings["threads"], core=SMALL)


def _refined(config: Config, run: str, layers: int, heads: int) -> int:
    """Return around how many centres chains move single layers or heads."""
    chosen = layout.refined(config, run)
    of_layer = ("layers" in chosen["parts"]) + heads * ("heads" in chosen["parts"])
    return len(chosen["steps"]) * layers * of_layer


def _draws(chains: dict) -> int:
    """Return the steps of all chains around a checkpoint, the burn-in included."""
    return int(chains["chains"] * (chains["burn_in"] + chains["draws"]))


def _conditions(sweep: dict) -> int:
    heats = 1 + len(sweep["inverse_temperatures"] or [])
    return len(sweep["step_sizes"]) * len(sweep["localisations"]) * heats
