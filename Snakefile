from snakemake.utils import min_version

min_version("9.0")


include: "rules/checkout.smk"


CHECKOUT = checkout(workflow.current_basedir)

# A configuration is whole: `--configfile mine.yaml` replaces the toy tier, it doesn't add to it. So
# the toy tier is taken only where there is none: `--config chunk=1` tunes one, and makes none.
if not (
    workflow.overwrite_configfiles
    or config.keys() & {"tier", "corpora", "runs", "studies"}
):

    configfile: f"{CHECKOUT}/config/config.yaml"


# The front page of a report tells of the whole workflow, and so of none that this is a part of.
if workflow.modifier.is_main_snakefile():

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
