"""The two protocols: our settings, and those of the authors' released code where it differs.

The code (github.com/surajK610/dual_process) does what the text of "Developmental Narrative of
Syntax in MLMs" and of the publication on dual process learning doesn't say. A protocol is a preset
of single keys: one that the configuration gives itself stays as it is given.
"""

from typing import Any

from ontogeny.planning.study import Settings

# Updates in the released code, of 128 sequences each: 8 million. The text says a million.
RELEASED_UPDATES = 62_500

PROTOCOLS: dict[str, dict[str, Any]] = {
    "ours": {
        "dropout": 0.0,
        "held_out": 100,
        "held_out_negatives": False,
        "learning_rate": 0.001,
        "zipf": "exact",
        "switching": "types",
        "forget_tokens": "content",
        "forget_deviation": None,
        "forget_every": 100,
        "temporary_every": None,
        "forget_until": 4000,
        "probe_bias": True,
    },
    "released": {
        "dropout": 0.1,
        "held_out": 0.1,
        "held_out_negatives": True,
        "learning_rate": 5e-5,
        "zipf": "shifted",
        "switching": "redrawn",
        "forget_tokens": "all",
        "forget_deviation": 1.0,
        "forget_every": 1000,
        "temporary_every": 10,
        "forget_until": 1000,
        "probe_bias": False,
    },
}


def completed(settings: Settings) -> Settings:
    """Return a study's settings with its protocol written out.

    A `forget_deviation` that isn't given is that of the initial weights, a `temporary_every` that
    isn't given is `forget_every`.
    """
    whole = PROTOCOLS[settings["protocol"]] | dict(settings)
    if whole["forget_deviation"] is None:
        whole["forget_deviation"] = whole["initial_deviation"]
    if whole["temporary_every"] is None:
        whole["temporary_every"] = whole["forget_every"]
    return whole


def held_out_tokens(settings: Settings, vocabulary: int) -> int:
    """Return how many tokens are held out: `held_out`, or that share of the content tokens."""
    asked = settings["held_out"]
    return round(asked * vocabulary) if asked < 1 else int(asked)
