"""The study of stages: where training passes from one to the next, and what each does.

Needs trajectories of causal language models that passed their audit, their training text, and
held-out text; regression in context is trained here. Makes the parts of the study's tables and
claims in results/measurements/stages/, which rules/results.smk joins.
"""

from ontogeny.studies.stages import layout as stages_layout

STAGES = SETTINGS["stages"]


rule stages_language:
    """Measure geometry and behaviour at all checkpoints of a trajectory, chains in lockstep."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.studied_steps(config, "stages", wildcards.run)
        ],
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        # That it passed counts, not when.
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        training="results/corpora/{corpus}/train.parquet",
        sentences="results/corpora/{corpus}/test.parquet",
    output:
        measures="results/measurements/stages/{corpus}/{run}/seed-{seed}.measures.parquet",
        chains="results/measurements/stages/{corpus}/{run}/seed-{seed}.chains.parquet",
        calibration="results/measurements/stages/{corpus}/{run}/seed-{seed}.calibration.parquet",
    log:
        "results/logs/stages/language.{corpus}.{run}.seed-{seed}.log",
    benchmark:
        "results/benchmarks/stages/language.{corpus}.{run}.seed-{seed}.tsv"
    conda:
        "../envs/models.yaml"
    threads: STAGES["threads"]
    resources:
        mem_mb=resources.doubling(8000),
        runtime=resources.doubling(24 * 60),
        gpu=resources.gpus(config),
    params:
        steps=lambda wildcards: layout.studied_steps(config, "stages", wildcards.run),
        chains=stages_layout.sampling(config),
        calibration=STAGES["calibration"],
        text={key: STAGES[key] for key in ("sequence_length", "sequences", "shown")},
        bandwidth=STAGES["bandwidth"],
    message:
        "measuring the stages of {wildcards.run}, seed {wildcards.seed}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/stages/language.py"


rule stages_regression:
    """Train transformers on linear regression in context, and measure them at each step."""
    output:
        measures=f"{stages_layout.OF_REGRESSION}.measures.parquet",
        chains=f"{stages_layout.OF_REGRESSION}.chains.parquet",
        calibration=f"{stages_layout.OF_REGRESSION}.calibration.parquet",
    log:
        "results/logs/stages/regression.log",
    benchmark:
        "results/benchmarks/stages/regression.tsv"
    conda:
        "../envs/models.yaml"
    threads: STAGES["threads"]
    resources:
        mem_mb=resources.doubling(8000),
        runtime=resources.doubling(24 * 60),
        gpu=resources.gpus(config),
    params:
        regression=stages_layout.regression_settings(config),
        chains=stages_layout.sampling(config, stages_layout.REGRESSION),
        calibration=STAGES["calibration"],
        bandwidth=STAGES["bandwidth"],
    message:
        "training on regression in context, and measuring the stages"
    script:
        "../workflow/scripts/stages/regression.py"


rule stages_boundaries:
    """Find the boundaries of stages, and judge the claims, for a run, or for regression."""
    input:
        measures=lambda wildcards: stages_layout.measured(
            config, wildcards.trained, wildcards.text, "measures"
        ),
        chains=lambda wildcards: stages_layout.measured(
            config, wildcards.trained, wildcards.text, "chains"
        ),
    output:
        boundaries="results/measurements/stages/{text}/{trained}/boundaries.parquet",
        claims="results/measurements/stages/{text}/{trained}/claims.tsv",
    log:
        "results/logs/stages/boundaries.{text}.{trained}.log",
    benchmark:
        "results/benchmarks/stages/boundaries.{text}.{trained}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    params:
        bandwidth=STAGES["bandwidth"],
        tier=config["tier"],
        draws=STAGES["bootstrap"],
        seed=config["seed"],
    message:
        "finding the stages of {wildcards.trained} on {wildcards.text}"
    script:
        "../workflow/scripts/stages/boundaries.py"
