"""What the atlas makes, and where, as the configuration has it."""

from collections import Counter

from ontogeny.planning.study import Config

FOLDER = "results/measurements/atlas"


def shared_runs(config: Config) -> list[str]:
    """Return the runs that several other studies measure, in the order of the configuration."""
    asked = Counter(
        run
        for name, settings in config["studies"].items()
        if name != "atlas"
        for run in dict.fromkeys(settings.get("runs") or ())
    )
    return [run for run in config["runs"] if asked[run] > 1]


def part(name: str) -> list[str]:
    """Return the file of one name that the atlas's job writes."""
    return [f"{FOLDER}/{name}"]
