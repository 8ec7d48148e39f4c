"""The study of stages: where training passes from one to the next, and what each does.

Needs trajectories of language models that passed their audit, their training text, and
held-out text; regression in context is trained here. Makes the parts of the study's tables and
claims in results/measurements/stages/, which rules/results.smk joins.
"""

from ontogeny.studies.stages import layout as stages_layout
from ontogeny.studies.stages import resources as stages_resources

STAGES = SETTINGS["stages"]


rule stages_calibration:
    """Sweep the settings of chains at a few checkpoints of all seeds, and choose by the plateau."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, seed, step)
            for seed, step in stages_layout.swept(config, wildcards.run)
        ],
        manifests=lambda wildcards: [
            f"results/runs/{wildcards.run}/seed-{seed}/manifest.tsv"
            for seed in RUNS[wildcards.run]["seeds"]
        ],
        # That they passed counts, not when.
        audits=lambda wildcards: ancient(
            [
                f"results/runs/{wildcards.run}/seed-{seed}/audit.passed"
                for seed in RUNS[wildcards.run]["seeds"]
            ]
        ),
        training="results/corpora/{corpus}/train.parquet",
        sentences="results/corpora/{corpus}/test.parquet",
    output:
        calibration="results/measurements/stages/{corpus}/{run}/calibration.parquet",
        sampling="results/measurements/stages/{corpus}/{run}/sampling.json",
    log:
        "results/logs/stages/calibration.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/stages/calibration.{corpus}.{run}.tsv"
    conda:
        "../envs/models.yaml"
    threads: STAGES["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: stages_resources.chains_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: stages_resources.calibration_runtime(
            config, wildcards.run, attempt
        ),
        gpu=resources.gpus(config),
    params:
        checkpoints=lambda wildcards: stages_layout.swept(config, wildcards.run),
        steps=lambda wildcards: layout.studied_steps(config, "stages", wildcards.run),
        chains=lambda wildcards: stages_layout.sampling(config, wildcards.run),
        calibration=lambda wildcards: stages_layout.sweep(config, wildcards.run),
        text=stages_layout.text_settings(config),
    message:
        "sweeping the settings of chains around {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/stages/calibration.py"


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
        sampling="results/measurements/stages/{corpus}/{run}/sampling.json",
    output:
        measures="results/measurements/stages/{corpus}/{run}/seed-{seed}.measures.parquet",
        chains="results/measurements/stages/{corpus}/{run}/seed-{seed}.chains.parquet",
        traces="results/measurements/stages/{corpus}/{run}/seed-{seed}.traces.parquet",
        forms="results/measurements/stages/{corpus}/{run}/seed-{seed}.forms.parquet",
    log:
        "results/logs/stages/language.{corpus}.{run}.seed-{seed}.log",
    benchmark:
        "results/benchmarks/stages/language.{corpus}.{run}.seed-{seed}.tsv"
    conda:
        "../envs/models.yaml"
    threads: STAGES["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: stages_resources.chains_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: stages_resources.chains_runtime(
            config, wildcards.run, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=lambda wildcards: layout.studied_steps(config, "stages", wildcards.run),
        text=stages_layout.text_settings(config),
        refined=lambda wildcards: stages_layout.refined(config, wildcards.run),
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
        traces=f"{stages_layout.OF_REGRESSION}.traces.parquet",
        forms=f"{stages_layout.OF_REGRESSION}.forms.parquet",
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
        runtime=lambda wildcards, attempt: stages_resources.regression_runtime(
            config, attempt
        ),
        gpu=resources.gpus(config),
    params:
        regression=stages_layout.regression_settings(config),
        chains=stages_layout.sampling(config, stages_layout.REGRESSION),
        calibration=stages_layout.sweep(config, stages_layout.REGRESSION),
        refined=stages_layout.refined(config, stages_layout.REGRESSION),
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
