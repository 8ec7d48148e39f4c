"""What studies come to: tables, figures and claims, by what each study declares of itself.

Needs what the jobs of the studies measured. Makes results/tables/{table}.parquet of what a study's
jobs measured, its figures in results/figures/{study}/, drawn from the tables that each reads, and
results/claims/{study}.tsv; then results/claims.tsv, and a forest plot for each run and corpus that
claims were held against.
"""

TABLES = {
    joined.table.name: joined for study in STUDIES.values() for joined in study.tables
}
# Tables that are made from tables. In one group with these they would make a circle of it.
LATER = [
    joined.table.name
    for study in STUDIES.values()
    if study.reads_studies
    for joined in study.tables
]


rule table:
    """Join what the jobs of a study measured into one of its tables."""
    input:
        lambda wildcards: TABLES[wildcards.table].parts(config),
    output:
        "results/tables/{table}.parquet",
    log:
        "results/logs/tables/{table}.log",
    benchmark:
        "results/benchmarks/tables/{table}.tsv"
    wildcard_constraints:
        table=any_of(name for name in TABLES if name not in LATER),
    group:
        "tables"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    message:
        "joining the table {wildcards.table}"
    script:
        "../workflow/scripts/results/table.py"


use rule table as table_of_tables with:
    wildcard_constraints:
        table=any_of(LATER),
    group:
        "atlas"


for study in STUDIES.values():
    for figures in study.figures_by_job():

        rule:
            """Draw figures from the tables that all of them read, and from nothing else."""
            name:
                f"{study.name}_{figures[0].name}_figure{'s' if figures[1:] else ''}"
            input:
                **{table.name: table_file(table) for table in figures[0].reads},
            output:
                svg=[
                    report(
                        f"results/figures/{study.name}/{figure.stem}.svg",
                        caption=f"../report/{study.name}_{figure.name}.rst",
                        category=study.title,
                        subcategory=figure.subcategory,
                        labels={
                            "figure": figure.label,
                            **{name: f"{{{name}}}" for name in figure.wildcards},
                        },
                    )
                    for figure in figures
                ],
                png=[f"results/figures/{study.name}/{f.stem}.png" for f in figures],
                pdf=[f"results/figures/{study.name}/{f.stem}.pdf" for f in figures],
            log:
                f"results/logs/{study.name}/{figures[0].stem}.log",
            benchmark:
                f"results/benchmarks/{study.name}/{figures[0].stem}.tsv"
            group:
                "figures"
            conda:
                "../envs/tables.yaml"
            threads: 1
            resources:
                mem_mb=resources.doubling(1000),
                runtime=resources.doubling(10),
            params:
                study=study.name,
                figures=[figure.name for figure in figures],
                settings=lambda wildcards, study=study: study.figure_settings(
                    config, dict(wildcards)
                ),
            message:
                (
                    f"drawing {', '.join(figure.stem for figure in figures)}".replace(
                        "{", "{wildcards."
                    )
                    + f" of {study.name}"
                )
            script:
                "../workflow/scripts/{params.study}/figures.py"


rule study_claims:
    """Join the verdicts on a study's claims."""
    input:
        lambda wildcards: STUDIES[wildcards.study].verdicts(config),
    output:
        "results/claims/{study}.tsv",
    log:
        "results/logs/claims/{study}.log",
    benchmark:
        "results/benchmarks/claims/{study}.tsv"
    # A second's work, not worth a place in a queue.
    localrule: True
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "joining the claims of {wildcards.study}"
    script:
        "../workflow/scripts/results/claims.py"


use rule study_claims as claims with:
    input:
        expand("results/claims/{study}.tsv", study=STUDIES),
    output:
        report(
            "results/claims.tsv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "claims"},
        ),
    log:
        "results/logs/claims/all.log",
    benchmark:
        "results/benchmarks/claims/all.tsv"
    message:
        "joining the claims of all studies"


rule claims_forest:
    """Draw the claims' statistics with their intervals, for one run and corpus."""
    input:
        "results/claims.tsv",
    output:
        svg=report(
            "results/figures/claims/forest.{run}.{corpus}.svg",
            caption="../report/claims_forest.rst",
            category="Claims",
            labels={
                "figure": "statistics and thresholds",
                "run": "{run}",
                "corpus": "{corpus}",
            },
        ),
        png="results/figures/claims/forest.{run}.{corpus}.png",
        pdf="results/figures/claims/forest.{run}.{corpus}.pdf",
    log:
        "results/logs/claims/forest.{run}.{corpus}.log",
    benchmark:
        "results/benchmarks/claims/forest.{run}.{corpus}.tsv"
    group:
        "figures"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "drawing the claims on {wildcards.run} and {wildcards.corpus}"
    script:
        "../workflow/scripts/results/forest.py"
