"""The page of all studies: one file that a browser opens, without a network.

Needs the tables that its panels read, and the claims. Makes results/atlas/index.html.
"""

from ontogeny.planning import page


rule page:
    """Put what the tables hold into one page, with the ledger of claims."""
    input:
        claims="results/claims.tsv",
        tables=page.tables(config, STUDIES.values()),
    output:
        page.PAGE,
    log:
        "results/logs/results/page.log",
    benchmark:
        "results/benchmarks/results/page.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(30),
    params:
        sections=[
            (part.name, dict(part.figures))
            for part in page.sections(config, STUDIES.values())
        ],
        forests=page.forest_links(config, STUDIES.values()),
    message:
        "putting the page together"
    script:
        "../workflow/scripts/results/page.py"
