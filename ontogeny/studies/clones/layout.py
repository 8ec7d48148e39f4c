"""What the study makes, and where, as the configuration has it: pure functions of paths."""

from typing import Any

from ontogeny.planning.layout import studied_pairs
from ontogeny.planning.study import Config
from ontogeny.runs.schedules import steps

HAMILTONIAN = "hamiltonian"  # what stands for the run that the study trains itself


def of_hamiltonian(config: Config) -> list[tuple[str, str]]:
    """Return what stands for run and corpus of the synthetic part, if there is one."""
    settings = config["studies"]["clones"]["hamiltonian"]
    return [(HAMILTONIAN, settings["corpus"])] if settings else []


def samplers(config: Config) -> list[tuple[str, str]]:
    """Return every run that is sampled, with every corpus of whose sentences."""
    settings = config["studies"]["clones"]
    return [(run, corpus) for run in settings["samplers"] for corpus in settings["corpora"]]


def corpora(config: Config) -> list[tuple[str, ...]]:
    """Return the corpora of whose sentences there are clones."""
    return [(corpus,) for corpus in config["studies"]["clones"]["corpora"]]


def clone(corpus: str, sampler: str, sweeps: int | str) -> str:
    """Return the file of a clone, in the form of a corpus's split."""
    return f"results/measurements/clones/{corpus}/clones/{sampler}/sweeps-{sweeps}.parquet"


def clones(config: Config, corpus: str) -> dict[tuple[str, int], str]:
    """Return the files of all clones of a corpus, by the run that is sampled and sweeps."""
    settings = config["studies"]["clones"]
    return {
        (run, sweeps): clone(corpus, run, sweeps)
        for run in settings["samplers"]
        for sweeps in settings["sweeps"]
    }


def rows(config: Config) -> list[str]:
    """Return the files of rows of the table of clones."""
    return [*_of_hamiltonian(config, "rows.parquet"), *_of_samplers(config, "rows.parquet"),
            *_of_runs(config, "rows.parquet")]  # fmt: skip


def sentences(config: Config) -> list[str]:
    """Return the files of sentences before and after sampling."""
    return _of_samplers(config, "sentences.parquet")


def verdicts(config: Config) -> list[str]:
    """Return the files of claims."""
    return [*_of_hamiltonian(config, "claims.tsv"), *_of_runs(config, "claims.tsv")]


def hamiltonian_settings(config: Config) -> dict[str, Any]:
    """Return the settings of the synthetic part, steps written out; nothing where there is none."""
    settings = config["studies"]["clones"]["hamiltonian"]
    return dict(settings) | {"steps": list(steps(settings["steps"]))} if settings else {}


def _of_hamiltonian(config: Config, name: str) -> list[str]:
    return [
        f"results/measurements/clones/{corpus}/{run}/{name}"
        for run, corpus in of_hamiltonian(config)
    ]


def _of_samplers(config: Config, name: str) -> list[str]:
    return [
        f"results/measurements/clones/{corpus}/clones/{run}/{name}"
        for run, corpus in samplers(config)
    ]


def _of_runs(config: Config, name: str) -> list[str]:
    return [
        f"results/measurements/clones/{corpus}/{run}/{name}"
        for run, corpus in studied_pairs(config, "clones")
    ]
