"""The study of syntactic attention: when it comes, what it brings, what happens without it.

Needs trajectories that passed their audit, test sentences with trees, and minimal pairs if there are
any. Makes results/tables/sas.parquet, sas_onsets.parquet and sas_attention.parquet,
results/claims/sas.tsv, and the figures in results/figures/sas/. Runs with a `regularizer` are compared
with the run that differs from them in that alone.
"""

SAS = STUDIES.get("sas", {})
SAS_TABLES = ["sas", "sas_onsets", "sas_attention"]
SAS_FIGURES = {
    "onsets": "onsets of structure and capability",
    "relations": "implicit parse by relation",
    "heads": "best heads at the last checkpoint",
    "complexity": "complexity and onsets",
    "attention": "attention of a best head",
}
SAS_COMPARISONS = {"interventions": "interventions side by side"}


rule sas_structure:
    """Measure attention structure, loss and complexity at each checkpoint of a chunk."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.steps_of_chunk(
                config, "sas", wildcards.run, wildcards.chunk
            )
        ],
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
    threads: SAS.get("threads", 1)
    resources:
        mem_mb=lambda wildcards, attempt: resources.structure_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: resources.structure_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=lambda wildcards: layout.steps_of_chunk(
            config, "sas", wildcards.run, wildcards.chunk
        ),
        words=SAS.get("words"),
        settings={
            "points": SAS.get("points"),
            "fisher_sentences": SAS.get("fisher_sentences"),
            "tokens_per_batch": SAS.get("tokens_per_batch"),
            "seed": config["seed"],
        },
    message:
        "measuring attention of {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/sas/structure.py"


rule sas_capability:
    """Score the minimal pairs at each checkpoint of a chunk."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.steps_of_chunk(
                config, "sas", wildcards.run, wildcards.chunk
            )
        ],
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        pairs=(sas_layout.minimal_pairs(config) or [None, []])[1],
    output:
        capability="results/measurements/sas/minimal_pairs/{run}/seed-{seed}/chunk-{chunk}.capability.parquet",
        pairs="results/measurements/sas/minimal_pairs/{run}/seed-{seed}/chunk-{chunk}.pairs.parquet",
    log:
        "results/logs/sas/capability.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/sas/capability.{run}.seed-{seed}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: SAS.get("threads", 1)
    resources:
        mem_mb=lambda wildcards, attempt: resources.structure_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: resources.capability_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=lambda wildcards: layout.steps_of_chunk(
            config, "sas", wildcards.run, wildcards.chunk
        ),
        suite=(sas_layout.minimal_pairs(config) or [None])[0],
        pairs_per_paradigm=SAS.get("pairs_per_paradigm"),
        settings={
            "within_word": SAS.get("within_word"),
            "tokens_per_batch": SAS.get("tokens_per_batch"),
        },
        seed=config["seed"],
    message:
        "scoring minimal pairs with {wildcards.run}, seed {wildcards.seed}, steps {params.steps}"
    script:
        "../workflow/scripts/sas/capability.py"


rule sas_table:
    """Join what was measured into the study's table."""
    input:
        layout.measurements(config, "sas", "structure"),
        sas_layout.capability(config, "capability", SAS.get("runs", [])),
    output:
        "results/tables/sas.parquet",
    log:
        "results/logs/sas/table.log",
    benchmark:
        "results/benchmarks/sas/table.tsv"
    group:
        "sas"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    message:
        "joining the measurements of sas"
    script:
        "../workflow/scripts/sas/table.py"


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
        mem_mb=lambda wildcards, attempt: resources.structure_memory(
            config, wildcards.run, attempt
        ),
        runtime=resources.doubling(60),
    params:
        steps=lambda wildcards: sas_layout.shown_steps(config, wildcards.run),
        words=SAS.get("words"),
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
        staged=lambda wildcards: sas_layout.staged_beside(config, wildcards.run),
        tier=config["tier"],
        draws=SAS.get("bootstrap"),
        seed=config["seed"],
    message:
        "finding the onsets of {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/sas/resampling.py"


for table_name, files in {
    "sas_onsets": layout.joined(config, "sas", "onsets.parquet"),
    "sas_attention": sas_layout.attention_maps(config),
}.items():

    rule:
        """Join this table of all runs and corpora."""
        name:
            f"{table_name}_table"
        input:
            files,
        output:
            f"results/tables/{table_name}.parquet",
        log:
            f"results/logs/sas/{table_name}.log",
        benchmark:
            f"results/benchmarks/sas/{table_name}.tsv"
        group:
            "sas"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            mem_mb=resources.doubling(1000),
            runtime=resources.doubling(10),
        params:
            table=table_name,
        message:
            f"joining the files of {table_name}"
        script:
            "../workflow/scripts/sas/joined.py"


rule sas_claims:
    """Join the verdicts on the study's claims."""
    input:
        layout.joined(config, "sas", "claims.tsv"),
    output:
        "results/claims/sas.tsv",
    log:
        "results/logs/sas/claims.log",
    benchmark:
        "results/benchmarks/sas/claims.tsv"
    group:
        "sas"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "joining the claims of sas"
    script:
        "../workflow/scripts/claims/claims.py"


for figure_name, figure_label in {**SAS_FIGURES, **SAS_COMPARISONS}.items():

    rule:
        """Draw this figure for one run and corpus, from the tables alone."""
        name:
            f"sas_{figure_name}_figure"
        input:
            table="results/tables/sas.parquet",
            onsets="results/tables/sas_onsets.parquet",
            attention=(
                "results/tables/sas_attention.parquet"
                if figure_name in SAS_FIGURES
                else []
            ),
        output:
            svg=report(
                f"results/figures/sas/{figure_name}.{{run}}.{{corpus}}.svg",
                caption=f"../report/sas_{figure_name}.rst",
                category="Syntactic attention",
                subcategory="{run} on {corpus}",
                labels={"figure": figure_label, "run": "{run}", "corpus": "{corpus}"},
            ),
            png=f"results/figures/sas/{figure_name}.{{run}}.{{corpus}}.png",
            pdf=f"results/figures/sas/{figure_name}.{{run}}.{{corpus}}.pdf",
        log:
            f"results/logs/sas/{figure_name}.{{run}}.{{corpus}}.log",
        benchmark:
            f"results/benchmarks/sas/{figure_name}.{{run}}.{{corpus}}.tsv"
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
            suite=(sas_layout.minimal_pairs(config) or [None])[0],
            labels=lambda wildcards: sas_layout.intervention_labels(
                config, wildcards.run
            ),
        message:
            f"drawing {figure_name} of {{wildcards.run}} on {{wildcards.corpus}}"
        script:
            "../workflow/scripts/sas/figure.py"
