"""The checked configuration and the library, for all other files of rules."""

import os
import re
import sys
from dataclasses import asdict

# The library is read from this checkout, in whatever environment a job runs.
sys.path.insert(0, CHECKOUT)
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, [CHECKOUT, os.environ.get("PYTHONPATH")]))
)

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from ontogeny import studies
from ontogeny.corpora.build import input_paths
from ontogeny.corpora.corpus import SPLITS
from ontogeny.corpora.sources import files_of, read_sources
from ontogeny.errors import OntogenyError
from ontogeny.files import check_writable
from ontogeny.interpreter import check_interpreter
from ontogeny.planning import configuration, layout, resources, runs
from ontogeny.planning.study import table_file
from ontogeny.results.rule_times import SUMMARY, write_rule_times


def plainly(check, *arguments):
    """Return what a check gives, or stop with what it says is wrong and nothing else."""
    try:
        return check(*arguments)
    except OntogenyError as error:
        raise WorkflowError(str(error)) from None


# In the command line of each script Snakemake leaves the interpreter unquoted (its issue 2645).
if workflow.is_main_process:
    plainly(check_interpreter, sys.executable)

if workflow.modifier.is_main_snakefile():
    NAME_OF_CONFIG = ", ".join(map(str, workflow.configfiles)) or "the configuration"
else:
    NAME_OF_CONFIG = f"the config of the module {__name__}"

SOURCES = plainly(read_sources, f"{CHECKOUT}/config/sources.tsv")
config = plainly(
    configuration.validate,
    config,
    NAME_OF_CONFIG,
    {file.source for file in SOURCES},
    studies.STUDIES,
)
# For the report's text, which includes a paragraph of each study, and how long each rule took.
config["checkout"] = CHECKOUT
config["times"] = (
    os.path.abspath(times)
    if os.path.exists(times := f"results/benchmarks/{SUMMARY}")
    else None
)
CORPORA, RUNS, SETTINGS = config["corpora"], config["runs"], config["studies"]
# The declarations of the studies that the configuration asks for, by name.
STUDIES = {study.name: study for study in studies.STUDIES if study.name in SETTINGS}

if workflow.is_main_process and (problem := configuration.absent_mirror(config)):
    logger.warning(problem)


onstart:
    plainly(check_writable, "results")


onsuccess:
    write_rule_times("results/benchmarks")


def any_of(names):
    """Return a wildcard constraint that matches one of the names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


def steps_of(study):
    """Return what gives a job the steps of its chunk, as a study measures them."""
    return lambda wildcards: layout.steps_of_chunk(
        config, study, wildcards.run, wildcards.chunk
    )


def checkpoints_of(study):
    """Return what gives a job the folders of its chunk's checkpoints."""
    steps = steps_of(study)
    return lambda wildcards: [
        layout.checkpoint(wildcards.run, wildcards.seed, step)
        for step in steps(wildcards)
    ]


wildcard_constraints:
    corpus=any_of(CORPORA),
    run=any_of(RUNS),
    split=any_of(SPLITS),
    study=any_of(STUDIES),
    seed=r"\d+",
    step=r"\d+",
    chunk=r"\d+",
