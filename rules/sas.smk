"""The study of syntactic attention: when it comes, what it brings, what happens without it.

Needs trajectories that passed their audit, test sentences with trees, and minimal pairs if there are
any. Makes the parts of the study's tables and claims in results/measurements/sas/, which
rules/results.smk joins. Runs with a `regularizer` are compared with the run that differs from them
in that alone. Where minimal pairs take a small model less time than loading it, one job measures
structure on the first corpus and scores them; else they have jobs of their own.
"""

from ontogeny.studies.sas import layout as sas_layout
from ontogeny.studies.sas import resources as sas_resources

SAS = SETTINGS["sas"]


rule sas_structure:
    """Measure attention structure, loss and complexity at each checkpoint of a chunk."""
    input:
        checkpoints=checkpoints_of("sas"),
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        # That it passed counts, not when.
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        sentences="results/corpora/{corpus}/test.parquet",
    output:
        structure="results/measurements/sas/{corpus}/{run}/seed-{seed}/chunk-{chunk}.structure.parquet",
        sentences="results/measurements/sas/{corpus}/{run}/seed-{seed}/chunk-{chunk}.sentences.parquet",
    log:
        "results/logs/sas/structure.{corpus}.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/sas/structure.{corpus}.{run}.seed-{seed}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: SAS["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: sas_resources.structure_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: sas_resources.structure_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=steps_of("sas"),
        corpus=lambda wildcards: wildcards.corpus,
        words=SAS["words"],
        settings={
            "points": SAS["points"],
            "fisher_sentences": SAS["fisher_sentences"],
            "fisher_draws": SAS["fisher_draws"],
            "too_long": SAS["too_long"],
            "tokens_per_batch": SAS["tokens_per_batch"],
        },
        seed=config["seed"],
    message:
        "measuring attention of {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {params.corpus}"
    script:
        "../workflow/scripts/sas/measure.py"


if sas_layout.minimal_pairs(config) is not None:
    SUITE, SUITE_FOLDER = sas_layout.minimal_pairs(config)
    FIRST = next(iter(SAS["corpora"]))

    SCORING = {
        "within_word": SAS["within_word"],
        "tokens_per_batch": SAS["tokens_per_batch"],
    }
    TOGETHER = sas_resources.runs_with_quick_pairs(config)

    rule sas_capability:
        """Score the minimal pairs at each checkpoint of a chunk."""
        input:
            checkpoints=checkpoints_of("sas"),
            manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
            audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
            pairs=SUITE_FOLDER,
        output:
            capability="results/measurements/sas/minimal_pairs/{run}/seed-{seed}/chunk-{chunk}.capability.parquet",
            pairs="results/measurements/sas/minimal_pairs/{run}/seed-{seed}/chunk-{chunk}.pairs.parquet",
        log:
            "results/logs/sas/capability.{run}.seed-{seed}.chunk-{chunk}.log",
        benchmark:
            "results/benchmarks/sas/capability.{run}.seed-{seed}.chunk-{chunk}.tsv"
        wildcard_constraints:
            run=any_of(run for run in SAS["runs"] if run not in TOGETHER),
        conda:
            "../envs/models.yaml"
        threads: SAS["threads"]
        resources:
            mem_mb=lambda wildcards, attempt: sas_resources.structure_memory(
                config, wildcards.run, attempt
            ),
            runtime=lambda wildcards, attempt: sas_resources.capability_runtime(
                config, wildcards.run, wildcards.chunk, attempt
            ),
            gpu=resources.gpus(config),
        params:
            steps=steps_of("sas"),
            corpus=SUITE,
            suite=SUITE,
            pairs_per_paradigm=SAS["pairs_per_paradigm"],
            scoring=SCORING,
            seed=config["seed"],
        message:
            "scoring minimal pairs with {wildcards.run}, seed {wildcards.seed}, steps {params.steps}"
        script:
            "../workflow/scripts/sas/measure.py"

    use rule sas_structure as sas_structure_and_capability with:
        input:
            checkpoints=checkpoints_of("sas"),
            manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
            audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
            sentences=f"results/corpora/{FIRST}/test.parquet",
            pairs=SUITE_FOLDER,
        output:
            structure=f"results/measurements/sas/{FIRST}/{{run}}/seed-{{seed}}/chunk-{{chunk}}.structure.parquet",
            sentences=f"results/measurements/sas/{FIRST}/{{run}}/seed-{{seed}}/chunk-{{chunk}}.sentences.parquet",
            capability="results/measurements/sas/minimal_pairs/{run}/seed-{seed}/chunk-{chunk}.capability.parquet",
            pairs="results/measurements/sas/minimal_pairs/{run}/seed-{seed}/chunk-{chunk}.pairs.parquet",
        log:
            "results/logs/sas/structure_and_capability.{run}.seed-{seed}.chunk-{chunk}.log",
        benchmark:
            "results/benchmarks/sas/structure_and_capability.{run}.seed-{seed}.chunk-{chunk}.tsv"
        wildcard_constraints:
            run=any_of(TOGETHER),
        resources:
            mem_mb=lambda wildcards, attempt: sas_resources.structure_memory(
                config, wildcards.run, attempt
            ),
            runtime=lambda wildcards, attempt: sas_resources.structure_and_capability_runtime(
                config, wildcards.run, wildcards.chunk, attempt
            ),
            gpu=resources.gpus(config),
        params:
            corpus=FIRST,
            suite=SUITE,
            pairs_per_paradigm=SAS["pairs_per_paradigm"],
            scoring=SCORING,
        message:
            "measuring attention of {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {params.corpus}, and scoring minimal pairs"

    ruleorder: sas_structure_and_capability > sas_structure


rule sas_attention:
    """Keep the attention of a best head in one sentence, at a few checkpoints of the first seed."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, RUNS[wildcards.run]["seeds"][0], step)
            for step in sas_layout.shown_steps(config, wildcards.run)
        ],
        manifest=lambda wildcards: f"results/runs/{wildcards.run}/seed-{RUNS[wildcards.run]['seeds'][0]}/manifest.tsv",
        # The last chunk of the first seed, in which the best heads stand.
        structure=lambda wildcards: layout.last_measurements(
            config, "sas", "structure", wildcards.run, wildcards.corpus
        ),
        sentences="results/corpora/{corpus}/test.parquet",
    output:
        "results/measurements/sas/{corpus}/{run}/attention.parquet",
    log:
        "results/logs/sas/attention.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/sas/attention.{corpus}.{run}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: sas_resources.structure_memory(
            config, wildcards.run, attempt
        ),
        runtime=resources.doubling(60),
    params:
        steps=lambda wildcards: sas_layout.shown_steps(config, wildcards.run),
        words=SAS["words"],
        seed=config["seed"],
        seed_of_run=lambda wildcards: RUNS[wildcards.run]["seeds"][0],
    message:
        "keeping the attention of a head of {wildcards.run} in a sentence of {wildcards.corpus}"
    script:
        "../workflow/scripts/sas/attention.py"


rule sas_resampling:
    """Redraw seeds, sentences and pairs of one run and corpus: its onsets and its claims."""
    input:
        structure=lambda wildcards: layout.measurements_of(
            config, "sas", "structure", wildcards.run, wildcards.corpus
        ),
        sentences=lambda wildcards: layout.measurements_of(
            config, "sas", "sentences", wildcards.run, wildcards.corpus
        ),
        pairs=lambda wildcards: sas_layout.capability(config, "pairs", [wildcards.run]),
        baseline_structure=lambda wildcards: [
            file
            for run in sas_layout.compared(config, wildcards.run)
            for file in layout.measurements_of(
                config, "sas", "structure", run, wildcards.corpus
            )
        ],
        baseline_sentences=lambda wildcards: [
            file
            for run in sas_layout.compared(config, wildcards.run)
            for file in layout.measurements_of(
                config, "sas", "sentences", run, wildcards.corpus
            )
        ],
        baseline_pairs=lambda wildcards: sas_layout.capability(
            config, "pairs", sas_layout.compared(config, wildcards.run)
        ),
        control_structure=lambda wildcards: [
            file
            for run in sas_layout.controls(config, wildcards.run)
            for file in layout.measurements_of(
                config, "sas", "structure", run, wildcards.corpus
            )
        ],
        control_sentences=lambda wildcards: [
            file
            for run in sas_layout.controls(config, wildcards.run)
            for file in layout.measurements_of(
                config, "sas", "sentences", run, wildcards.corpus
            )
        ],
        control_pairs=lambda wildcards: sas_layout.capability(
            config, "pairs", sas_layout.controls(config, wildcards.run)
        ),
    output:
        onsets="results/measurements/sas/{corpus}/{run}/onsets.parquet",
        claims="results/measurements/sas/{corpus}/{run}/claims.tsv",
    log:
        "results/logs/sas/resampling.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/sas/resampling.{corpus}.{run}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    params:
        intervention=lambda wildcards: sas_layout.intervention_settings(
            config, wildcards.run
        ),
        rivals=lambda wildcards: sas_layout.rivals(config, wildcards.run),
        tier=config["tier"],
        draws=SAS["bootstrap"],
        seed=config["seed"],
    message:
        "finding the onsets of {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/sas/resampling.py"
