"""What the workflow makes, and where, as the configuration has it: pure functions of paths.

`config` is a configuration as `ontogeny.planning.configuration.validate` returns it. Paths are
relative to the working directory. A pattern leaves a wildcard open, such as `{seed}`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ontogeny.planning.study import Config, Study
from ontogeny.runs.schedules import steps

LEXICON_SETTINGS = ("seed", "word_types", "zipf_exponent", "ambiguous_share")


def corpus_settings(config: Config, corpus: str) -> dict[str, Any]:
    """Return the settings that the sentences of a corpus depend on."""
    settings = config["corpora"][corpus]
    return {key: value for key, value in settings.items() if key != "pairs_per_paradigm"}


def minimal_pair_settings(config: Config, corpus: str) -> dict[str, Any]:
    """Return the settings that a grammar's minimal pairs depend on: its lexicon, and how many."""
    settings = config["corpora"][corpus]
    return {key: settings[key] for key in (*LEXICON_SETTINGS, "pairs_per_paradigm")}


def minimal_pair_suites(config: Config) -> list[str]:
    """Return the folders of minimal pairs that the configuration's grammars give."""
    return [
        f"results/corpora/{name}/minimal_pairs"
        for name, corpus in config["corpora"].items()
        if corpus["kind"] == "grammar"
    ]


def clones(config: Config) -> list[str]:
    """Return the corpora that are sampled from runs, in the order of the configuration."""
    return [name for name, corpus in config["corpora"].items() if corpus["kind"] == "clone"]


def runs_of_kind(config: Config, kind: str) -> list[str]:
    """Return the runs of one kind, in the order of the configuration."""
    return [name for name, run in config["runs"].items() if run["kind"] == kind]


def trajectory_steps(run: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the steps of a run's checkpoints, in order, from its configuration entry.

    A step is a number of optimiser updates, whatever unit the run lists its steps in.
    """
    if run["kind"] == "pretrain":
        return steps(run["steps"])
    return tuple(step * run.get("step_unit", 1) for step in sorted(run["steps"]))


def checkpoint(run: str, seed: int | str, step: int) -> str:
    """Return the folder of one checkpoint; `seed` may be a wildcard."""
    return f"results/runs/{run}/seed-{seed}/step-{step}"


def checkpoint_patterns(config: Config, run: str) -> list[str]:
    """Return the folders of a run's checkpoints, with the seed left open."""
    return [checkpoint(run, "{seed}", step) for step in trajectory_steps(config["runs"][run])]


def last_checkpoint(config: Config, run: str) -> str:
    """Return the last checkpoint of a run's first seed: the one that is sampled."""
    entry = config["runs"][run]
    return checkpoint(run, entry["seeds"][0], trajectory_steps(entry)[-1])


def first_audit(config: Config, run: str) -> str:
    """Return what says that the trajectory of a run's first seed has passed its audit."""
    return f"results/runs/{run}/seed-{config['runs'][run]['seeds'][0]}/audit.passed"


def hub_manifests(config: Config) -> list[str]:
    """Return the manifests of all trajectories from the hub."""
    return [
        f"results/runs/{run}/seed-{seed}/manifest.tsv"
        for run in runs_of_kind(config, "hub")
        for seed in config["runs"][run]["seeds"]
    ]


def pretrained_trajectories(config: Config) -> list[tuple[str, int]]:
    """Return run and seed of every trajectory that is pretrained here, and so has a loss."""
    runs = runs_of_kind(config, "pretrain")
    return [(run, seed) for run in runs for seed in config["runs"][run]["seeds"]]


def studied_steps(config: Config, study: str, run: str) -> list[int]:
    """Return the steps of a run that a study measures, in order."""
    return sorted(config["studies"][study]["steps"] or trajectory_steps(config["runs"][run]))


def steps_of_chunk(config: Config, study: str, run: str, chunk: int | str) -> list[int]:
    """Return the steps that one measuring job takes."""
    first = int(chunk) * config["chunk"]
    return studied_steps(config, study, run)[first : first + config["chunk"]]


def measurements(config: Config, study: str, kind: str) -> list[str]:
    """Return the files of a study's measurements of one kind: one for each chunk of checkpoints."""
    return [
        file
        for run, corpus in studied_pairs(config, study)
        for file in measurements_of(config, study, kind, run, corpus)
    ]


def measurements_of(config: Config, study: str, kind: str, run: str, corpus: str) -> list[str]:
    """Return the files of a study's measurements of one kind that are of one run on one corpus."""
    return [
        f"results/measurements/{study}/{corpus}/{run}/seed-{seed}/chunk-{chunk}.{kind}.parquet"
        for seed in config["runs"][run]["seeds"]
        for chunk in range(-(-len(studied_steps(config, study, run)) // config["chunk"]))
    ]


def last_measurements(config: Config, study: str, kind: str, run: str, corpus: str) -> str:
    """Return the file of one kind that holds a run's last checkpoints, of its first seed."""
    first = config["runs"][run]["seeds"][0]
    files = measurements_of(config, study, kind, run, corpus)
    return [file for file in files if f"/seed-{first}/" in file][-1]


def studied_pairs(config: Config, study: str) -> list[tuple[str, str]]:
    """Return every run and corpus that a study measures together, in the configuration's order."""
    settings = config["studies"].get(study, {"runs": [], "corpora": {}})
    return [(run, corpus) for run in settings["runs"] for corpus in settings["corpora"]]


def joined(config: Config, study: str, name: str) -> list[str]:
    """Return the files of one name that a study has for each run and corpus, to be joined."""
    return [
        f"results/measurements/{study}/{corpus}/{run}/{name}"
        for run, corpus in studied_pairs(config, study)
    ]


def forests(config: Config, studies: Iterable[Study]) -> list[str]:
    """Return the forests of claims, one for each run and corpus that a study's claims are about."""
    pairs = dict.fromkeys(pair for study in studies for pair in study.judged(config))
    return [f"results/figures/claims/forest.{run}.{corpus}.svg" for run, corpus in pairs]


def attention_read_by(config: Config, studies: Iterable[Study], run: str) -> list[str]:
    """Return the names of the studies that measure the attention of this run."""
    return [
        study.name
        for study in studies
        if study.reads_attention and run in config["studies"][study.name]["runs"]
    ]


def studied_trajectories(config: Config) -> list[tuple[str, int]]:
    """Return run and seed of every trajectory that a study reads, in the order of the runs."""
    studied = {run for study in config["studies"].values() for run in study.get("runs", [])}
    return [
        (name, seed)
        for name, run in config["runs"].items()
        if name in studied
        for seed in run["seeds"]
    ]


def studied_files(config: Config, name: str) -> list[str]:
    """Return the file of that name in the folder of every trajectory that a study reads."""
    return [f"results/runs/{run}/seed-{seed}/{name}" for run, seed in studied_trajectories(config)]


def audit_files(config: Config) -> list[str]:
    """Return what the audits of the trajectories come to: findings, statistics and figures."""
    runs = dict.fromkeys(run for run, _ in studied_trajectories(config))
    tables = ["results/audit.tsv"] if runs else []
    return [
        *tables,
        *weights_tables(config),
        *(f"results/figures/runs/audit.{run}.svg" for run in runs),
    ]


def weights_tables(config: Config) -> list[str]:
    """Return the table of the statistics of weights that the audits took; none without audits."""
    return ["results/tables/weights.parquet"] if studied_trajectories(config) else []


def loss_figures(config: Config) -> list[str]:
    """Return the figures of the losses of the runs that are pretrained here."""
    return [f"results/figures/runs/loss.{run}.svg" for run in runs_of_kind(config, "pretrain")]
