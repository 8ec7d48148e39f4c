"""What every other rule file uses: the checked configuration, paths, chunks and resources."""

import os
import re
import sys
from dataclasses import asdict

# The library is read from this checkout, in whatever environment a rule runs.
LIBRARY = str(workflow.basedir)
sys.path.insert(0, LIBRARY)
os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([LIBRARY, *filter(None, [os.environ.get("PYTHONPATH")])])
)

from snakemake.exceptions import WorkflowError

from ontogeny import configuration
from ontogeny.corpora.build import input_files
from ontogeny.corpora.corpus import SPLITS
from ontogeny.errors import OntogenyError
from ontogeny.sources import files_of, read_sources


def checked_config():
    """Return the configuration with its defaults, or stop with what is wrong and nothing else."""
    file = ", ".join(map(str, workflow.configfiles)) or "the configuration"
    try:
        return configuration.validate(config, file, {file.source for file in SOURCES})
    except OntogenyError as error:
        raise WorkflowError(str(error)) from None


SOURCES = read_sources(f"{LIBRARY}/config/sources.tsv")
config = checked_config()
CORPORA, RUNS, STUDIES = config["corpora"], config["runs"], config["studies"]


def any_of(names):
    """Return a wildcard constraint that matches one of the names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    corpus=any_of(CORPORA),
    run=any_of(RUNS),
    split=any_of(SPLITS),
    study=any_of(STUDIES),
    seed=r"\d+",
    step=r"\d+",
    chunk=r"\d+",


def checkpoint(run, seed, step):
    """Return the folder of one checkpoint."""
    return f"results/runs/{run}/seed-{seed}/step-{step}"


def probed_steps(study, run):
    """Return the steps of a run that a study measures, in order."""
    chosen = STUDIES[study]["steps"]
    return (
        tuple(sorted(chosen)) if chosen else configuration.trajectory_steps(RUNS[run])
    )


def chunks(study, run):
    """Return the numbers of the chunks into which a study cuts a run's checkpoints."""
    return range(-(-len(probed_steps(study, run)) // config["chunk"]))


def steps_of_chunk(study, run, chunk):
    """Return the steps that one measuring job takes."""
    size = config["chunk"]
    return list(probed_steps(study, run)[int(chunk) * size : (int(chunk) + 1) * size])
