"""The study of interdependence: how words depend on each other, and what scaffolds teach an LSTM.

Needs trajectories that passed their audit and sentences with trees; for the synthetic LSTMs, which
are trained here, nothing but the configuration. Makes the parts of the study's table and claims in
results/measurements/interdependence/, which rules/results.smk joins.
"""

from ontogeny.studies.interdependence import layout as interdependence_layout
from ontogeny.studies.interdependence import resources as interdependence_resources

INTERDEPENDENCE = SETTINGS["interdependence"]


rule interdependence_pairs:
    """Measure the interdependence of pairs of words at each checkpoint of a chunk."""
    input:
        checkpoints=checkpoints_of("interdependence"),
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        # That it passed counts, not when.
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        sentences="results/corpora/{corpus}/test.parquet",
        frequencies="results/corpora/{corpus}/train.parquet",
    output:
        pairs="results/measurements/interdependence/{corpus}/{run}/seed-{seed}/chunk-{chunk}.pairs.parquet",
        sentences="results/measurements/interdependence/{corpus}/{run}/seed-{seed}/chunk-{chunk}.sentences.parquet",
        frequencies="results/measurements/interdependence/{corpus}/{run}/seed-{seed}/chunk-{chunk}.frequencies.parquet",
    log:
        "results/logs/interdependence/pairs.{corpus}.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/interdependence/pairs.{corpus}.{run}.seed-{seed}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: INTERDEPENDENCE["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: interdependence_resources.pairs_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: interdependence_resources.pairs_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=steps_of("interdependence"),
        compared=lambda wildcards: interdependence_layout.compared_steps(
            config, wildcards.run
        ),
        words=INTERDEPENDENCE["words"],
        farthest=INTERDEPENDENCE["farthest"],
        settings={
            "least_cases": INTERDEPENDENCE["least_cases"],
            "samples": INTERDEPENDENCE["samples"],
            "seed": config["seed"],
        },
    message:
        "pairing words in {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/interdependence/pairs.py"


rule interdependence_pair_claims:
    """Redraw seeds and sentences of one run and corpus: its claims."""
    input:
        sentences=lambda wildcards: layout.measurements_of(
            config, "interdependence", "sentences", wildcards.run, wildcards.corpus
        ),
        frequencies=lambda wildcards: layout.measurements_of(
            config, "interdependence", "frequencies", wildcards.run, wildcards.corpus
        ),
    output:
        "results/measurements/interdependence/{corpus}/{run}/claims.tsv",
    log:
        "results/logs/interdependence/claims.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/interdependence/claims.{corpus}.{run}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    params:
        least_cases=INTERDEPENDENCE["least_cases"],
        tier=config["tier"],
        draws=INTERDEPENDENCE["bootstrap"],
        seed=config["seed"],
    message:
        "holding the claims about pairs of words against {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/interdependence/pair_claims.py"


rule interdependence_sweep:
    """Train the LSTMs of one job in lockstep, and measure them at each scheduled step."""
    output:
        "results/measurements/interdependence/synthetic/job-{job}.parquet",
    log:
        "results/logs/interdependence/sweep.job-{job}.log",
    benchmark:
        "results/benchmarks/interdependence/sweep.job-{job}.tsv"
    wildcard_constraints:
        job=r"\d+",
    conda:
        "../envs/models.yaml"
    threads: INTERDEPENDENCE["threads"]
    resources:
        mem_mb=resources.doubling(8000),
        runtime=lambda wildcards, attempt: interdependence_resources.sweep_runtime(
            config, wildcards.job, attempt
        ),
        gpu=resources.gpus(config),
    params:
        members=lambda wildcards: interdependence_layout.members(config, wildcards.job),
        settings=interdependence_layout.sweep_settings(config),
    message:
        "training LSTMs on a rule across scaffolds, job {wildcards.job}"
    script:
        "../workflow/scripts/interdependence/train.py"


rule interdependence_rule_claims:
    """Hold the claims about the synthetic LSTMs against the study's table."""
    input:
        table="results/tables/interdependence.parquet",
    output:
        "results/measurements/interdependence/synthetic/claims.tsv",
    log:
        "results/logs/interdependence/rule_claims.log",
    benchmark:
        "results/benchmarks/interdependence/rule_claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(10),
    params:
        rule_count=(INTERDEPENDENCE["synthetic"] or {}).get("rule_count"),
        tier=config["tier"],
        draws=INTERDEPENDENCE["bootstrap"],
        seed=config["seed"],
    message:
        "holding the claims about rules across scaffolds against their table"
    script:
        "../workflow/scripts/interdependence/rule_claims.py"
