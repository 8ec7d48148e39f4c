"""The recipe of a training run: every setting, with its default, checked before anything runs."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ontogeny.errors import ConfigError
from ontogeny.runs.architectures import ARCHITECTURES, Architecture
from ontogeny.runs.pretraining.tokenizers import KINDS
from ontogeny.runs.regularizers import Stage, read_stages
from ontogeny.runs.schedules import steps, updates_of_a_pass

SEQUENCES = ("sentence", "packed", "stream")
OPTIMIZERS = ("adamw", "sgd")
DECAYS = ("linear", "constant", "plateau")
PRECISIONS = ("auto", "float32")


@dataclass(frozen=True)
class Recipe:
    """How one run is trained, the seed apart. What means nothing to a run is None.

    - `architecture`, and the sizes of its model (`ontogeny.runs.architectures`): `layers`, `heads`,
      `width`, `feedforward` (None: 4 * width), `dropout`, `initial_deviation`.
    - `tokenizer`, `vocabulary_size`, `lowercase`: as in `tokenizers.train_tokenizer`;
      `least_count`: as in `ontogeny.runs.pretraining.rare_words`.
    - `sequences`: `sentence` (each alone, padded), `packed` (the text as one stream of tokens, cut)
      or `stream` (the text as `batch_size` streams side by side, read on from update to update:
      truncated backpropagation through time). `sequence_length`: the longest sequence in tokens,
      special tokens included, or of a stream the tokens that are read in one update; what is longer
      is cut, and every part is kept.
    - `steps`: the updates at which a checkpoint is kept, ending with the last update;
      `updates_of_a_pass`: how many updates they take a pass over the text to have, if they do.
    - `batch_size`: sequences in an update, over all devices together.
    - `optimizer`: `adamw` (Loshchilov and Hutter 2019), with `beta1`, `beta2` and `epsilon`, or
      `sgd`, with `momentum`; `weight_decay` (not of biases and layer norms).
    - `learning_rate`, reached after `warmup` (a share of the updates), then by `decay` falling to 0
      (`linear`), `constant`, or multiplied by `decay_factor` whenever the dev loss isn't below the
      lowest before (`plateau`): it is looked at every `dev_every` updates, by default after each
      pass over the text. `max_gradient_norm`: beyond it gradients are scaled down (0: never).
    - `mask_share`: share of tokens that a masked model has to predict (Devlin et al. 2019).
    - `precision`: `auto` (bfloat16 where a GPU has it) or `float32`.
    - `regularizer`: stages of the training in which something is added to the loss, in order, as
      `regularizers.read_stages` reads them.
    - `initial_seed`: the seed of the initial weights, whatever the trajectory's own is (None: that
      one). Order of data, masks and dropout are the trajectory's in any case.
    - `state_every`: updates between two states that an interrupted training can resume from.
    """

    architecture: str
    steps: tuple[int, ...]
    layers: int = 4
    heads: int | None = 4
    width: int = 64
    feedforward: int | None = None
    dropout: float = 0.1
    initial_deviation: float | None = 0.02
    tokenizer: str = "word"
    vocabulary_size: int | None = None
    lowercase: bool = False
    sequences: str = "sentence"
    sequence_length: int = 128
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup: float = 0.1
    decay: str = "linear"
    weight_decay: float = 0.01
    beta1: float | None = 0.9
    beta2: float | None = 0.999
    epsilon: float | None = 1e-8
    max_gradient_norm: float = 1.0
    mask_share: float | None = 0.15
    precision: str = "auto"
    state_every: int = 1000
    regularizer: tuple[Stage, ...] = ()
    optimizer: str = "adamw"
    momentum: float | None = 0.0
    decay_factor: float | None = 0.25
    dev_every: int | None = None
    least_count: int | None = None
    initial_seed: int | None = None
    updates_of_a_pass: int | None = None

    @property
    def objective(self) -> str:
        """`masked` or `causal`, as the architecture has it."""
        return ARCHITECTURES[self.architecture].objective

    @property
    def sizes(self) -> dict[str, Any]:
        """The sizes of the model, as `architectures.configure` takes them."""
        return {name: getattr(self, name) for name in ARCHITECTURES[self.architecture].sizes}

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of all settings that shape the weights."""
        settings = {name: value for name, value in asdict(self).items() if name not in NO_WEIGHT}
        for name, value in list(settings.items()):
            default = DEFAULTS.get(name)
            if name in LATER and value in (None, default):  # as when there was no such key
                del settings[name]
            elif value is None:  # as when every run had such a key
                settings[name] = default
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


DEFAULTS = {field.name: field.default for field in fields(Recipe)[2:]}
KEYS = tuple(name for name in ("architecture", "steps", *DEFAULTS) if name != "updates_of_a_pass")
# What shapes no weight, and what came later than the first trainings.
NO_WEIGHT = ("state_every", "updates_of_a_pass")
LATER = (
    *("regularizer", "optimizer", "momentum", "decay_factor", "dev_every", "least_count"),
    "initial_seed",
)

CHOICES = {
    "tokenizer": KINDS,
    "sequences": SEQUENCES,
    "optimizer": OPTIMIZERS,
    "decay": DECAYS,
    "precision": PRECISIONS,
}
LOWEST = {
    "layers": 1,
    "heads": 1,
    "width": 1,
    "feedforward": 1,
    "vocabulary_size": 1,
    "sequence_length": 4,
    "batch_size": 1,
    "state_every": 1,
    "dev_every": 1,
    "least_count": 1,
    "initial_seed": 0,
}
BELOW_ONE = (*("dropout", "warmup", "beta1", "beta2", "mask_share", "momentum", "decay_factor"),)
NOT_NEGATIVE = (
    "initial_deviation",
    "learning_rate",
    "weight_decay",
    "epsilon",
    "max_gradient_norm",
)
# The keys that make models, of whichever architecture.
SIZES = tuple(dict.fromkeys(size for known in ARCHITECTURES.values() for size in known.sizes))


def read_recipe(settings: Mapping[str, Any], run: str) -> Recipe:
    """Return the recipe that a run's settings give; what they leave out has its default.

    `settings` are the keys of the run in the config, less those that say where it belongs (`kind`,
    `corpus`, `seeds`). Some defaults are the architecture's own. Raises `ConfigError` that names
    `runs.{run}.{key}` if a key is unknown, missing, means nothing to such a run, or has a value
    that can't be.
    """
    where = f"runs.{run}"
    for name in settings:
        if name not in KEYS:
            raise ConfigError(f"{where}.{name}: unknown key; known are {', '.join(sorted(KEYS))}.")
    for name in ("architecture", "steps"):
        if name not in settings:
            raise ConfigError(f"{where}.{name}: missing.")
    _check_choice(settings["architecture"], tuple(ARCHITECTURES), f"{where}.architecture")
    architecture = ARCHITECTURES[settings["architecture"]]
    given = {name: value for name, value in settings.items() if value is not None}
    values = {**DEFAULTS, **architecture.sizes, **architecture.training, **given}
    for name, choices in CHOICES.items():
        _check_choice(values[name], choices, f"{where}.{name}")
    for name, reason in _meaningless(values, architecture):
        if name in given:
            raise ConfigError(f"{where}.{name}: {reason}. Leave it out.")
        values[name] = None
    values["steps"] = steps(settings["steps"], key=f"{where}.steps")
    if values["steps"][-1] == 0:
        raise ConfigError(f"{where}.steps: has step 0 alone; expected a last step of at least 1.")
    values["updates_of_a_pass"] = updates_of_a_pass(settings["steps"])
    stages = values["regularizer"] or None
    values["regularizer"] = read_stages(stages, values["steps"][-1], f"{where}.regularizer")
    recipe = Recipe(**values)
    _check_numbers(recipe, where)
    _check_agreement(recipe, architecture, where)
    return recipe


def completed_settings(settings: Mapping[str, Any], run: str) -> dict[str, Any]:
    """Return a run's settings with the defaults of what it leaves out, as they are written.

    Keys that mean nothing to the run aren't among them, nor are those that came later than the
    first trainings and have the default that made no difference to these. Raises as `read_recipe`.
    """
    recipe = read_recipe(settings, run)
    chosen, architecture = vars(recipe), ARCHITECTURES[recipe.architecture]
    without = {name for name, _ in _meaningless(chosen, architecture)}
    without |= {name for name in LATER if chosen[name] in (None, DEFAULTS[name])}
    given = {name: value for name, value in settings.items() if value is not None}
    return {**{name: chosen[name] for name in KEYS if name not in without}, **given}


def _meaningless(
    values: Mapping[str, Any], architecture: Architecture
) -> Iterator[tuple[str, str]]:
    """Yield the keys that mean nothing to a run, and why."""
    kind = values["architecture"]
    for name in SIZES:
        if name not in architecture.sizes:
            sizes = ", ".join(architecture.sizes)
            yield name, f"means nothing to the architecture {kind}, whose sizes are {sizes}"
    # Of transformers it is let pass: one set of keys serves a BERT and a GPT to compare.
    if architecture.objective != "masked" and not architecture.attention:
        yield "mask_share", f"means nothing to {kind}, which predicts every token"
    if not architecture.attention:
        yield "regularizer", f"means nothing to {kind}, which has no attention"
    of_optimizer = {"adamw": ("beta1", "beta2", "epsilon"), "sgd": ("momentum",)}
    for optimizer, names in of_optimizer.items():
        if optimizer != values["optimizer"]:
            for name in names:
                yield name, f"means nothing to the optimizer {values['optimizer']}"
    if values["decay"] != "plateau":
        for name in ("decay_factor", "dev_every"):
            yield name, f"means nothing to the decay {values['decay']}"
    if values["tokenizer"] != "word":
        yield "least_count", f"means nothing to the tokenizer {values['tokenizer']}"


def _check_numbers(recipe: Recipe, where: str) -> None:
    """Raise `ConfigError` if a number isn't one, or is out of range."""
    for name, lowest in LOWEST.items():
        if getattr(recipe, name) is not None:
            _check_whole(getattr(recipe, name), lowest, f"{where}.{name}")
    for name in (*BELOW_ONE, *NOT_NEGATIVE):
        below = 1.0 if name in BELOW_ONE else math.inf
        if getattr(recipe, name) is not None:
            _check_number(getattr(recipe, name), below, f"{where}.{name}")
    if not isinstance(recipe.lowercase, bool):
        raise ConfigError(f"{where}.lowercase: is {recipe.lowercase!r}; expected true or false.")


def _check_agreement(recipe: Recipe, architecture: Architecture, where: str) -> None:
    """Raise `ConfigError` if two settings can't both be."""
    if recipe.heads is not None and recipe.width % recipe.heads:
        raise ConfigError(
            f"{where}.width: is {recipe.width}; expected a multiple of heads ({recipe.heads})."
        )
    if recipe.tokenizer != "word" and recipe.vocabulary_size is None:
        raise ConfigError(
            f"{where}.vocabulary_size: missing; tokenizer {recipe.tokenizer} needs one."
        )
    streams = recipe.sequences == "stream"
    if streams and not architecture.recurrent:
        raise ConfigError(
            f"{where}.sequences: is stream, but {recipe.architecture} has no state to carry from "
            "one update to the next; expected sentence or packed."
        )
    if recipe.updates_of_a_pass is not None and not streams:
        raise ConfigError(
            f"{where}.steps.spacing: is epochs, but sequences is {recipe.sequences}, whose passes "
            "over the text don't end with an update; expected log or linear, or sequences: stream."
        )
    if recipe.decay == "plateau" and recipe.dev_every is None and not streams:
        raise ConfigError(
            f"{where}.dev_every: missing; decay plateau needs the number of updates between two "
            "looks at the dev loss."
        )


def _check_choice(value: Any, choices: tuple[str, ...], key: str) -> None:
    if value not in choices:
        raise ConfigError(f"{key}: is {value!r}; expected one of {', '.join(choices)}.")


def _check_whole(value: Any, lowest: int, key: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{key}: is {value!r}; expected a whole number of at least {lowest}.")


def _check_number(value: Any, below: float, key: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < below:
        expected = "of at least 0" if math.isinf(below) else f"from 0 to below {below:g}"
        hint = " (YAML reads 1e-3 as text; write 1.0e-3.)" if isinstance(value, str) else ""
        raise ConfigError(f"{key}: is {value!r}; expected a number {expected}.{hint}")
