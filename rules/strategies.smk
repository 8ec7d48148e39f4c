"""The strategies study: part of speech from context or from embeddings, in a synthetic task.

Needs nothing but the configuration: the sweep's models are trained here, many in a job. Makes
results/tables/strategies.parquet and strategies_embeddings.parquet, results/claims/strategies.tsv,
and the figures in results/figures/strategies/.
"""

STRATEGIES = STUDIES.get("strategies", {})
STRATEGIES_TABLES = ["strategies", "strategies_embeddings"]
STRATEGIES_FIGURES_OF_A_VOCABULARY = {
    "curves": "accuracy by evaluation set",
    "probes": "probe accuracy by step and layer",
    "embeddings": "embeddings in two principal components",
}
STRATEGIES_FIGURES = {
    "switch": "switched roles over ambiguity",
    "unseen": "unseen tokens over law and vocabulary",
}


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
    threads: STRATEGIES.get("threads", 1)
    resources:
        mem_mb=resources.doubling(8000),
        runtime=resources.doubling(24 * 60),
        gpu=resources.gpus(config),
    params:
        members=lambda wildcards: layout.sweep_members(config, wildcards.job),
        settings=layout.sweep_settings(config),
    message:
        "training {params.members[0][vocabulary]}-token members of the sweep, job {wildcards.job}"
    script:
        "../workflow/scripts/strategies/train.py"


rule strategies_table:
    """Join the measurements of all jobs into the study's tables."""
    input:
        measurements=layout.sweep_measurements(config, "measurements"),
        embeddings=layout.sweep_measurements(config, "embeddings"),
    output:
        table="results/tables/strategies.parquet",
        embeddings="results/tables/strategies_embeddings.parquet",
    log:
        "results/logs/strategies/table.log",
    benchmark:
        "results/benchmarks/strategies/table.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(30),
    params:
        members=layout.sweep_members(config),
    message:
        "joining the measurements of strategies"
    script:
        "../workflow/scripts/strategies/table.py"


rule strategies_claims:
    """Hold the study's claims against its table."""
    input:
        table="results/tables/strategies.parquet",
    output:
        "results/claims/strategies.tsv",
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
        draws=STRATEGIES.get("bootstrap"),
        seed=config["seed"],
    message:
        "holding the claims of strategies against its table"
    script:
        "../workflow/scripts/strategies/claims.py"


for figure_name, figure_label in STRATEGIES_FIGURES_OF_A_VOCABULARY.items():

    rule:
        """Draw this figure for one vocabulary, from the tables alone."""
        name:
            f"strategies_{figure_name}_figure"
        input:
            table="results/tables/strategies.parquet",
            embeddings="results/tables/strategies_embeddings.parquet",
        output:
            svg=report(
                f"results/figures/strategies/{figure_name}.{{vocabulary}}.svg",
                caption=f"../report/strategies_{figure_name}.rst",
                category="Strategies",
                subcategory="{vocabulary} tokens",
                labels={"figure": figure_label, "vocabulary": "{vocabulary}"},
            ),
            png=f"results/figures/strategies/{figure_name}.{{vocabulary}}.png",
            pdf=f"results/figures/strategies/{figure_name}.{{vocabulary}}.pdf",
        log:
            f"results/logs/strategies/{figure_name}.{{vocabulary}}.log",
        benchmark:
            f"results/benchmarks/strategies/{figure_name}.{{vocabulary}}.tsv"
        wildcard_constraints:
            vocabulary=r"\d+",
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
        message:
            f"drawing {figure_name} of {{wildcards.vocabulary}} tokens"
        script:
            "../workflow/scripts/strategies/figure.py"


for figure_name, figure_label in STRATEGIES_FIGURES.items():

    rule:
        """Draw this figure for the whole grid, from the tables alone."""
        name:
            f"strategies_{figure_name}_figure"
        input:
            table="results/tables/strategies.parquet",
            embeddings="results/tables/strategies_embeddings.parquet",
        output:
            svg=report(
                f"results/figures/strategies/{figure_name}.svg",
                caption=f"../report/strategies_{figure_name}.rst",
                category="Strategies",
                subcategory="all vocabularies",
                labels={"figure": figure_label, "vocabulary": "all"},
            ),
            png=f"results/figures/strategies/{figure_name}.png",
            pdf=f"results/figures/strategies/{figure_name}.pdf",
        log:
            f"results/logs/strategies/{figure_name}.log",
        benchmark:
            f"results/benchmarks/strategies/{figure_name}.tsv"
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
        message:
            f"drawing {figure_name} of the whole sweep"
        script:
            "../workflow/scripts/strategies/figure.py"
