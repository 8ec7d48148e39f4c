"""The study of sparsity: how concentrated states and gradients become, and for which words.

Needs trajectories that passed their audit, their training text, and a corpus with parts of speech.
Makes the parts of the study's tables and claims in results/measurements/sparsity/, which
rules/results.smk joins.
"""

from ontogeny.studies.sparsity import resources as sparsity_resources
from ontogeny.studies.sparsity import study as sparsity_study

SPARSITY = SETTINGS["sparsity"]


rule sparsity_concentration:
    """Measure the concentration of states and gradients at each checkpoint of a chunk."""
    input:
        checkpoints=checkpoints_of("sparsity"),
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        # That it passed counts, not when.
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        training=lambda wildcards: sparsity_study.training_text(config, wildcards.run),
        tagged="results/corpora/{corpus}/train.parquet",
        sentences="results/corpora/{corpus}/test.parquet",
    output:
        "results/measurements/sparsity/{corpus}/{run}/seed-{seed}/chunk-{chunk}.concentration.parquet",
    log:
        "results/logs/sparsity/concentration.{corpus}.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/sparsity/concentration.{corpus}.{run}.seed-{seed}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: SPARSITY["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: sparsity_resources.reading_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: sparsity_resources.reading_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=steps_of("sparsity"),
        words=SPARSITY["words"],
        occurrences=SPARSITY["occurrences"],
        tagged=SPARSITY["tagged"],
        texts={
            "streams": SPARSITY["streams"],
            "length": SPARSITY["sequence_length"],
            "hidden": SPARSITY["hidden"],
            "seed": config["seed"],
        },
        # Sentences that the training left out aren't counted.
        least_count=lambda wildcards: RUNS[wildcards.run].get("least_count"),
        lowercase=lambda wildcards: RUNS[wildcards.run].get("lowercase", False),
    message:
        "measuring concentration of {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/sparsity/concentration.py"


rule sparsity_correlation:
    """Correlate concentration with frequency, and judge the claims, for one run and corpus."""
    input:
        lambda wildcards: layout.measurements_of(
            config, "sparsity", "concentration", wildcards.run, wildcards.corpus
        ),
    output:
        correlations="results/measurements/sparsity/{corpus}/{run}/correlations.parquet",
        words="results/measurements/sparsity/{corpus}/{run}/words.parquet",
        claims="results/measurements/sparsity/{corpus}/{run}/claims.tsv",
    log:
        "results/logs/sparsity/correlation.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/sparsity/correlation.{corpus}.{run}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    params:
        matched=SPARSITY["matched"],
        tier=config["tier"],
        draws=SPARSITY["bootstrap"],
        seed=config["seed"],
    message:
        "correlating concentration of {wildcards.run} with frequency on {wildcards.corpus}"
    script:
        "../workflow/scripts/sparsity/correlation.py"
