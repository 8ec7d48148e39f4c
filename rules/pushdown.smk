"""The push-down study: where syntax lives in the layers, and how it migrates.

Needs features of each checkpoint and the samples they were taken on. Makes the parts of the study's
tables and claims in results/measurements/pushdown/, which rules/results.smk joins. Seeds and
sentences are redrawn in one job for each run and corpus, since all of them together don't fit a
job's memory at paper size.
"""

from ontogeny.studies.pushdown import resources as pushdown_resources

PUSHDOWN = SETTINGS["pushdown"]


rule pushdown_probe:
    """Fit and score the probes of all layers and tasks at each checkpoint of a chunk."""
    input:
        features="results/features/pushdown/{corpus}/{run}/seed-{seed}/chunk-{chunk}",
        splits=expand(
            "results/samples/pushdown/{{corpus}}/{split}.parquet", split=SPLITS
        ),
    output:
        scores="results/measurements/pushdown/{corpus}/{run}/seed-{seed}/chunk-{chunk}.scores.parquet",
        answers="results/measurements/pushdown/{corpus}/{run}/seed-{seed}/chunk-{chunk}.answers.parquet",
    log:
        "results/logs/pushdown/probe.{corpus}.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/pushdown/probe.{corpus}.{run}.seed-{seed}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: PUSHDOWN["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: pushdown_resources.probes_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: pushdown_resources.probes_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=steps_of("pushdown"),
        tasks=lambda wildcards: PUSHDOWN["corpora"][wildcards.corpus],
        word_labels={key: PUSHDOWN[key] for key in ("l2", "bias", "phrase_root")},
        structural=PUSHDOWN["structural"],
        seed=config["seed"],
    message:
        "probing {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/pushdown/probe.py"


rule pushdown_resampling:
    """Redraw seeds and sentences of one run and corpus: its push-down numbers and its claims."""
    input:
        scores=lambda wildcards: layout.measurements_of(
            config, "pushdown", "scores", wildcards.run, wildcards.corpus
        ),
        answers=lambda wildcards: layout.measurements_of(
            config, "pushdown", "answers", wildcards.run, wildcards.corpus
        ),
    output:
        migration="results/measurements/pushdown/{corpus}/{run}/migration.parquet",
        claims="results/measurements/pushdown/{corpus}/{run}/claims.tsv",
    log:
        "results/logs/pushdown/resampling.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/pushdown/resampling.{corpus}.{run}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(60),
    params:
        tier=config["tier"],
        share=PUSHDOWN["share"],
        draws=PUSHDOWN["bootstrap"],
        seed=config["seed"],
    message:
        "measuring the migration of each task in {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/pushdown/resampling.py"
