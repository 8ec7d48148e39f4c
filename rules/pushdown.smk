"""The push-down study: where syntax lives in the layers, and how it migrates.

Needs features of each checkpoint and the samples they were taken on. Makes
results/tables/pushdown.parquet and pushdown_migration.parquet, results/claims/pushdown.tsv, and the
figures in results/figures/pushdown/. Seeds and sentences are redrawn in one job for each run and
corpus, since all of them together don't fit a job's memory at paper size.
"""

PUSHDOWN = STUDIES.get("pushdown", {})
PUSHDOWN_TABLES = ["pushdown", "pushdown_migration"]
PUSHDOWN_FIGURES = {
    "heatmap": "accuracy by step and layer",
    "regions": "accuracy and variance across seeds",
    "migration": "shallowest sufficient layer",
    "selectivity": "selectivity",
    "seen_unseen": "seen and unseen word types",
}


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
    threads: PUSHDOWN.get("threads", 1)
    resources:
        mem_mb=lambda wildcards, attempt: resources.probes_memory(
            config, "pushdown", wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: resources.probes_runtime(
            config, "pushdown", wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=lambda wildcards: layout.steps_of_chunk(
            config, "pushdown", wildcards.run, wildcards.chunk
        ),
        tasks=lambda wildcards: PUSHDOWN["corpora"][wildcards.corpus],
        l2=PUSHDOWN.get("l2"),
        structural=PUSHDOWN.get("structural"),
        seed=config["seed"],
    message:
        "probing {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/pushdown/probe.py"


rule pushdown_table:
    """Join the probes' scores into the study's table."""
    input:
        layout.measurements(config, "pushdown", "scores"),
    output:
        "results/tables/pushdown.parquet",
    log:
        "results/logs/pushdown/table.log",
    benchmark:
        "results/benchmarks/pushdown/table.tsv"
    group:
        "pushdown"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(30),
    message:
        "joining the scores of pushdown"
    script:
        "../workflow/scripts/pushdown/table.py"


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
        share=PUSHDOWN.get("share"),
        draws=PUSHDOWN.get("bootstrap"),
        seed=config["seed"],
    message:
        "measuring the migration of each task in {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/pushdown/resampling.py"


rule pushdown_migration:
    """Join the push-down numbers of all runs and corpora."""
    input:
        layout.joined(config, "pushdown", "migration.parquet"),
    output:
        "results/tables/pushdown_migration.parquet",
    log:
        "results/logs/pushdown/migration.log",
    benchmark:
        "results/benchmarks/pushdown/migration.tsv"
    group:
        "pushdown"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "joining the push-down numbers"
    script:
        "../workflow/scripts/pushdown/migration.py"


rule pushdown_claims:
    """Join the verdicts on the study's claims."""
    input:
        layout.joined(config, "pushdown", "claims.tsv"),
    output:
        "results/claims/pushdown.tsv",
    log:
        "results/logs/pushdown/claims.log",
    benchmark:
        "results/benchmarks/pushdown/claims.tsv"
    group:
        "pushdown"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "joining the claims of pushdown"
    script:
        "../workflow/scripts/claims/claims.py"


for figure_name, figure_label in PUSHDOWN_FIGURES.items():

    rule:
        """Draw this figure for one run and corpus, from the tables alone."""
        name:
            f"pushdown_{figure_name}_figure"
        input:
            table="results/tables/pushdown.parquet",
            migration="results/tables/pushdown_migration.parquet",
        output:
            svg=report(
                f"results/figures/pushdown/{figure_name}.{{run}}.{{corpus}}.svg",
                caption=f"../report/pushdown_{figure_name}.rst",
                category="Push-down",
                subcategory="{run} on {corpus}",
                labels={"figure": figure_label, "run": "{run}", "corpus": "{corpus}"},
            ),
            png=f"results/figures/pushdown/{figure_name}.{{run}}.{{corpus}}.png",
            pdf=f"results/figures/pushdown/{figure_name}.{{run}}.{{corpus}}.pdf",
        log:
            f"results/logs/pushdown/{figure_name}.{{run}}.{{corpus}}.log",
        benchmark:
            f"results/benchmarks/pushdown/{figure_name}.{{run}}.{{corpus}}.tsv"
        group:
            "figures"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            mem_mb=resources.doubling(1000),
            runtime=resources.doubling(10),
        params:
            figure=figure_name,
            share=PUSHDOWN.get("share"),
        message:
            f"drawing {figure_name} of {{wildcards.run}} on {{wildcards.corpus}}"
        script:
            "../workflow/scripts/pushdown/figure.py"
