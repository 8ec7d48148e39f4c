"""The strategies study: part of speech from context or from embeddings, in a synthetic task.

Needs nothing but the configuration: the sweep's models are trained here, many in a job. Makes the
parts of the study's tables and claims in results/measurements/strategies/, which rules/results.smk
joins.
"""

from ontogeny.studies.strategies import layout as strategies_layout

STRATEGIES = SETTINGS["strategies"]


rule strategies_sweep:
    """Train the members of one job in lockstep, and measure them at each scheduled step."""
    output:
        measurements="results/measurements/strategies/job-{job}.measurements.parquet",
        embeddings="results/measurements/strategies/job-{job}.embeddings.parquet",
    log:
        "results/logs/strategies/sweep.job-{job}.log",
    benchmark:
        "results/benchmarks/strategies/sweep.job-{job}.tsv"
    wildcard_constraints:
        job=r"\d+",
    conda:
        "../envs/models.yaml"
    threads: STRATEGIES["threads"]
    resources:
        mem_mb=resources.doubling(8000),
        runtime=resources.doubling(24 * 60),
        gpu=resources.gpus(config),
    params:
        members=lambda wildcards: strategies_layout.members(config, wildcards.job),
        settings=strategies_layout.sweep_settings(config),
    message:
        "training {params.members[0][vocabulary]}-token members of the sweep, job {wildcards.job}"
    script:
        "../workflow/scripts/strategies/train.py"


rule strategies_claims:
    """Hold the study's claims against its table."""
    input:
        table="results/tables/strategies.parquet",
    output:
        "results/measurements/strategies/claims.tsv",
    log:
        "results/logs/strategies/claims.log",
    benchmark:
        "results/benchmarks/strategies/claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(10),
    params:
        tier=config["tier"],
        draws=STRATEGIES["bootstrap"],
        seed=config["seed"],
    message:
        "holding the claims of strategies against its table"
    script:
        "../workflow/scripts/strategies/claims.py"
