"""The study of norms: how the weights grow.

Needs trajectories that passed their audit. Makes the parts of the study's table and claims in
results/measurements/norms/, which rules/results.smk joins.
"""


rule norms_measure:
    """Take the norm of the weights of each checkpoint of a trajectory."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.studied_steps(config, "norms", wildcards.run)
        ],
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
    output:
        "results/measurements/norms/{run}/seed-{seed}.parquet",
    log:
        "results/logs/norms/measure.{run}.seed-{seed}.log",
    benchmark:
        "results/benchmarks/norms/measure.{run}.seed-{seed}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(30),
    params:
        steps=lambda wildcards: layout.studied_steps(config, "norms", wildcards.run),
    message:
        "taking the norms of {wildcards.run}, seed {wildcards.seed}"
    script:
        "../workflow/scripts/norms/measure.py"


rule norms_claims:
    """Hold the study's claim against its table."""
    input:
        "results/tables/norms.parquet",
    output:
        "results/measurements/norms/claims.tsv",
    log:
        "results/logs/norms/claims.log",
    benchmark:
        "results/benchmarks/norms/claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    params:
        tier=config["tier"],
    message:
        "holding the claim of norms against its table"
    script:
        "../workflow/scripts/norms/claims.py"
