"""The atlas: the milestones of all studies on one time axis, and what they say together.

Needs the tables from which the other studies read their milestones, and the statistics of the
weights that the audits took. Makes the parts of the atlas's tables and claims in
results/measurements/atlas/, which rules/results.smk joins.
"""

from ontogeny.studies.atlas import layout as atlas_layout

ATLAS = SETTINGS["atlas"]


rule atlas_timeline:
    """Gather the milestones of all studies, compare them, and fit the training maps."""
    input:
        **{
            table.name: table_file(table)
            for study in STUDIES.values()
            if study.milestones
            for table in study.milestones.reads
        },
        weights=layout.weights_tables(config),
    output:
        timeline="results/measurements/atlas/timeline.parquet",
        compared="results/measurements/atlas/compared.parquet",
        states="results/measurements/atlas/states.parquet",
        claims="results/measurements/atlas/claims.tsv",
    log:
        "results/logs/atlas/timeline.log",
    benchmark:
        "results/benchmarks/atlas/timeline.tsv"
    group:
        "atlas"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    params:
        studies={
            name: SETTINGS[name] for name, study in STUDIES.items() if study.milestones
        },
        runs=atlas_layout.shared_runs(config),
        settings=ATLAS,
        tier=config["tier"],
        seed=config["seed"],
    message:
        "gathering the milestones of all studies"
    script:
        "../workflow/scripts/atlas/timeline.py"
