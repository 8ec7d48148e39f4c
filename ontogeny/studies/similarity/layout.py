"""What the study's jobs make, and where; pure functions of the configuration."""

from ontogeny.planning.layout import studied_pairs, studied_steps
from ontogeny.planning.study import Config

FOLDER = "results/measurements/similarity"


def chunks(config: Config, run: str) -> range:
    """Return the numbers of the chunks of a run's checkpoints."""
    return range(-(-len(studied_steps(config, "similarity", run)) // config["chunk"]))


def measured(config: Config, run: str, corpus: str) -> list[str]:
    """Return the files of a run's measurements on a corpus: of all seeds, one for each chunk."""
    return [f"{FOLDER}/{corpus}/{run}/chunk-{chunk}.parquet" for chunk in chunks(config, run)]


def all_measured(config: Config) -> list[str]:
    """Return the files of all measurements."""
    pairs = studied_pairs(config, "similarity")
    return [file for run, corpus in pairs for file in measured(config, run, corpus)]


def tagger_tables(config: Config) -> list[str]:
    """Return the files that say how well the taggers of each corpus do."""
    corpora = config["studies"]["similarity"]["corpora"]
    return [f"{FOLDER}/taggers/{corpus}.parquet" for corpus in corpora]


def features(config: Config, run: str, corpus: str, chunk: int | str) -> list[str]:
    """Return the folders of a run's features of a chunk: one for each seed."""
    return [
        f"results/features/similarity/{corpus}/{run}/seed-{seed}/chunk-{chunk}"
        for seed in config["runs"][run]["seeds"]
    ]


def last_features(config: Config, run: str, corpus: str) -> list[str]:
    """Return the folders of features that hold a run's last checkpoints, one for each seed."""
    return features(config, run, corpus, chunks(config, run)[-1])
