"""Claims: what the studies' claims come to, joined.

Needs results/claims/{study}.tsv of each study. Makes results/claims.tsv and a forest plot for each
run and corpus that claims were held against.
"""


rule claims:
    """Join the verdicts of all studies into one table."""
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
        "results/logs/claims/claims.log",
    benchmark:
        "results/benchmarks/claims/claims.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "joining the claims"
    script:
        "../workflow/scripts/claims/claims.py"


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
        "../workflow/scripts/claims/forest.py"
