"""The audit: whether the checkpoints of a trajectory are what their steps say they are.

Needs the trajectories that the studies read. Makes results/runs/{run}/seed-{seed}/audit.tsv (the
findings) and weights.tsv (statistics of each checkpoint) in any case, and audit.passed beside them
if no finding stops the studies: without it none reads the trajectory. Joins all of that into
results/audit.tsv, results/tables/weights.parquet and a figure for each run.
"""


rule audit:
    """Read every checkpoint of a trajectory once, and write down what is odd about it."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.trajectory_steps(RUNS[wildcards.run])
        ],
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
    output:
        findings="results/runs/{run}/seed-{seed}/audit.tsv",
        weights="results/runs/{run}/seed-{seed}/weights.tsv",
    log:
        "results/logs/runs/audit.{run}.seed-{seed}.log",
    benchmark:
        "results/benchmarks/runs/audit.{run}.seed-{seed}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        # Blocks of all checkpoints at a time, however large they are.
        mem_mb=resources.doubling(1000),
        runtime=lambda wildcards, attempt: resources.reading_runtime(
            config, wildcards.run, attempt
        ),
    params:
        steps=lambda wildcards: layout.trajectory_steps(RUNS[wildcards.run]),
    message:
        "auditing {wildcards.run}, seed {wildcards.seed}"
    script:
        "../workflow/scripts/runs/audit.py"


rule audit_passed:
    """Stop here if a finding is grave, unless the configuration says `audit: warn`."""
    input:
        "results/runs/{run}/seed-{seed}/audit.tsv",
    output:
        touch("results/runs/{run}/seed-{seed}/audit.passed"),
    log:
        "results/logs/runs/audit_passed.{run}.seed-{seed}.log",
    benchmark:
        "results/benchmarks/runs/audit_passed.{run}.seed-{seed}.tsv"
    # A second's work, not worth a place in a queue.
    localrule: True
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    params:
        audit=lambda wildcards: RUNS[wildcards.run]["audit"],
        attention=lambda wildcards: layout.attention_read_by(
            config, STUDIES.values(), wildcards.run
        ),
    message:
        "reading the audit of {wildcards.run}, seed {wildcards.seed}"
    script:
        "../workflow/scripts/runs/audit_passed.py"


rule audit_table:
    """Join the findings and the statistics of all trajectories."""
    input:
        findings=layout.studied_files(config, "audit.tsv"),
        weights=layout.studied_files(config, "weights.tsv"),
    output:
        findings=report(
            "results/audit.tsv",
            caption="../report/runs_audit_findings.rst",
            category="Runs",
            labels={"table": "findings of the audit"},
        ),
        weights="results/tables/weights.parquet",
    log:
        "results/logs/runs/audit_table.log",
    benchmark:
        "results/benchmarks/runs/audit_table.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    params:
        trajectories=layout.studied_trajectories(config),
    message:
        "joining the audits"
    script:
        "../workflow/scripts/runs/audit_table.py"


rule audit_figure:
    """Draw the distances between the checkpoints of one run, findings marked."""
    input:
        findings="results/audit.tsv",
        weights="results/tables/weights.parquet",
    output:
        svg=report(
            "results/figures/runs/audit.{run}.svg",
            caption="../report/runs_audit.rst",
            category="Runs",
            labels={"figure": "audit", "run": "{run}"},
        ),
        png="results/figures/runs/audit.{run}.png",
        pdf="results/figures/runs/audit.{run}.pdf",
    log:
        "results/logs/runs/audit_figure.{run}.log",
    benchmark:
        "results/benchmarks/runs/audit_figure.{run}.tsv"
    group:
        "figures"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "drawing the audit of {wildcards.run}"
    script:
        "../workflow/scripts/runs/audit_figure.py"
