"""The recipe of a training run: every setting, with its default, checked before anything runs."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ontogeny.errors import ConfigError
from ontogeny.runs.architectures import ARCHITECTURES
from ontogeny.runs.pretraining.tokenizers import KINDS
from ontogeny.runs.regularizers import Stage, read_stages
from ontogeny.runs.schedules import steps

SEQUENCES = ("sentence", "packed")
DECAYS = ("linear", "constant")
PRECISIONS = ("auto", "float32")


@dataclass(frozen=True)
class Recipe:
    """How one run is trained, the seed apart.

    - `architecture`, `layers`, `heads`, `width`, `feedforward` (None: 4 * width), `dropout`,
      `initial_deviation`: the model, as in `architectures.configure`.
    - `tokenizer`, `vocabulary_size`, `lowercase`: as in `tokenizers.train_tokenizer`.
    - `sequences`: `sentence` (each alone, padded) or `packed` (the text as one stream of tokens);
      `sequence_length`: the longest sequence in tokens, special tokens included; what is longer is
      cut, and every part is kept.
    - `steps`: the updates at which a checkpoint is kept, ending with the last update.
    - `batch_size`: sequences in an update, over all devices together.
    - `learning_rate`, reached after `warmup` (a share of the updates), then falling to 0 if
      `decay` is `linear`, or `constant`; `weight_decay` (not of biases and layer norms), `beta1`,
      `beta2` and `epsilon` of AdamW (Loshchilov and Hutter 2019); `max_gradient_norm`, beyond
      which gradients are scaled down (0: never).
    - `mask_share`: share of tokens that a masked model has to predict (Devlin et al. 2019).
    - `precision`: `auto` (bfloat16 where a GPU has it) or `float32`.
    - `regularizer`: stages of the training in which something is added to the loss, in order, as
      `regularizers.read_stages` reads them.
    - `state_every`: updates between two states that an interrupted training can resume from.
    """

    architecture: str
    steps: tuple[int, ...]
    layers: int = 4
    heads: int = 4
    width: int = 64
    feedforward: int | None = None
    dropout: float = 0.1
    initial_deviation: float = 0.02
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
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    max_gradient_norm: float = 1.0
    mask_share: float = 0.15
    precision: str = "auto"
    state_every: int = 1000
    regularizer: tuple[Stage, ...] = ()

    @property
    def objective(self) -> str:
        """`masked` or `causal`, as the architecture has it."""
        return ARCHITECTURES[self.architecture].objective

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of all settings that shape the weights."""
        settings = {name: value for name, value in asdict(self).items() if name != "state_every"}
        if not self.regularizer:  # as when there was no such key
            del settings["regularizer"]
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


CHOICES = {
    "architecture": tuple(ARCHITECTURES),
    "tokenizer": KINDS,
    "sequences": SEQUENCES,
    "decay": DECAYS,
    "precision": PRECISIONS,
}
LOWEST = {
    "layers": 1,
    "heads": 1,
    "width": 1,
    "sequence_length": 4,
    "batch_size": 1,
    "state_every": 1,
}
BELOW_ONE = ("dropout", "warmup", "beta1", "beta2", "mask_share")
NOT_NEGATIVE = (
    "initial_deviation",
    "learning_rate",
    "weight_decay",
    "epsilon",
    "max_gradient_norm",
)


def read_recipe(settings: Mapping[str, Any], run: str) -> Recipe:
    """Return the recipe that a run's settings give; what they leave out has its default.

    `settings` are the keys of the run in the config, less those that say where it belongs (`kind`,
    `corpus`, `seeds`). Raises `ConfigError` that names `runs.{run}.{key}` if a key is unknown,
    missing or has a value that can't be.
    """
    where = f"runs.{run}"
    known = {field.name for field in fields(Recipe)}
    for name in settings:
        if name not in known:
            raise ConfigError(f"{where}.{name}: unknown key; known are {', '.join(sorted(known))}.")
    for name in ("architecture", "steps"):
        if name not in settings:
            raise ConfigError(f"{where}.{name}: missing.")
    schedule = steps(settings["steps"], key=f"{where}.steps")
    if schedule[-1] == 0:
        raise ConfigError(f"{where}.steps: has step 0 alone; expected a last step of at least 1.")
    stages = read_stages(settings.get("regularizer"), schedule[-1], f"{where}.regularizer")
    recipe = Recipe(**{**settings, "steps": schedule, "regularizer": stages})
    for name, choices in CHOICES.items():
        if getattr(recipe, name) not in choices:
            raise ConfigError(
                f"{where}.{name}: is {getattr(recipe, name)!r}; expected one of "
                f"{', '.join(choices)}."
            )
    for name, lowest in LOWEST.items():
        _check_whole(getattr(recipe, name), lowest, f"{where}.{name}")
    for name in ("feedforward", "vocabulary_size"):
        if getattr(recipe, name) is not None:
            _check_whole(getattr(recipe, name), 1, f"{where}.{name}")
    for name in (*BELOW_ONE, *NOT_NEGATIVE):
        below = 1.0 if name in BELOW_ONE else math.inf
        _check_number(getattr(recipe, name), below, f"{where}.{name}")
    if not isinstance(recipe.lowercase, bool):
        raise ConfigError(f"{where}.lowercase: is {recipe.lowercase!r}; expected true or false.")
    if recipe.width % recipe.heads:
        raise ConfigError(
            f"{where}.width: is {recipe.width}; expected a multiple of heads ({recipe.heads})."
        )
    if recipe.tokenizer != "word" and recipe.vocabulary_size is None:
        raise ConfigError(
            f"{where}.vocabulary_size: missing; tokenizer {recipe.tokenizer} needs one."
        )
    return recipe


def _check_whole(value: Any, lowest: int, key: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{key}: is {value!r}; expected a whole number of at least {lowest}.")


def _check_number(value: Any, below: float, key: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < below:
        expected = "of at least 0" if math.isinf(below) else f"from 0 to below {below:g}"
        hint = " (YAML reads 1e-3 as text; write 1.0e-3.)" if isinstance(value, str) else ""
        raise ConfigError(f"{key}: is {value!r}; expected a number {expected}.{hint}")
