from snakemake.utils import min_version

min_version("9.0")


# A configuration is whole: `--configfile mine.yaml` replaces the toy tier, it doesn't add to it.
if "studies" not in config:

    configfile: "config/config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/corpora.smk"
include: "rules/runs.smk"
include: "rules/audit.smk"
include: "rules/features.smk"
include: "rules/pushdown.smk"
include: "rules/strategies.smk"
include: "rules/sas.smk"
include: "rules/claims.smk"


rule all:
    default_target: True
    input:
        layout.minimal_pair_suites(config),
        layout.loss_figures(config),
        layout.audit_files(config),
        layout.figures(config, "pushdown", list(PUSHDOWN_FIGURES)),
        [f"results/tables/{name}.parquet" for name in PUSHDOWN_TABLES if PUSHDOWN],
        [f"results/tables/{name}.parquet" for name in STRATEGIES_TABLES if STRATEGIES],
        layout.sweep_figures(
            config, list(STRATEGIES_FIGURES_OF_A_VOCABULARY), list(STRATEGIES_FIGURES)
        ),
        sas_layout.attention_figures(config, list(SAS_FIGURES), list(SAS_COMPARISONS)),
        [f"results/tables/{name}.parquet" for name in SAS_TABLES if SAS],
        "results/claims.tsv",


rule trajectories:
    """Fetch every checkpoint that lies on the hub, and do nothing else: where there is a network."""
    input:
        layout.hub_manifests(config),
    localrule: True
