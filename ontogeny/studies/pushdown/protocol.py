"""The two protocols: our settings, and those of the authors' released code where it differs.

The code (github.com/surajK610/dual_process) hands words to an uncased model as they are written, so
that capitalised ones become unknown, and all tokens as of the second segment; its probes have no
bias and no penalty; its structural probes learn for four epochs; and it takes a phrase to begin or
end where the bracket string of a word begins or ends with a bracket, those of the root among them.
A protocol is a preset of single keys: one that the configuration gives itself stays as it is given.
"""

from typing import Any

from ontogeny.planning.study import Settings

PROTOCOLS: dict[str, dict[str, Any]] = {
    "ours": {
        "normalised": True,
        "segment": 0,
        "l2": [0.1, 0.01, 0.001],
        "bias": True,
        "phrase_root": False,
    },
    "released": {
        "normalised": False,
        "segment": 1,
        "l2": [0.0],
        "bias": False,
        "phrase_root": True,
    },
}
STRUCTURAL: dict[str, dict[str, Any]] = {
    "ours": {"rank": None, "epochs": 30},
    "released": {"rank": 64, "epochs": 4},
}


def completed(settings: Settings) -> Settings:
    """Return a study's settings with its protocol written out."""
    name = settings["protocol"]
    structural = STRUCTURAL[name] | settings["structural"]
    return PROTOCOLS[name] | dict(settings) | {"structural": structural}
