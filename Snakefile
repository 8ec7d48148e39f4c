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


for study_name in STUDIES:

    include: f"rules/{study_name}.smk"


include: "rules/results.smk"
include: "rules/page.smk"


rule all:
    input:
        layout.minimal_pair_suites(config),
        layout.loss_figures(config),
        layout.audit_files(config),
        [study.targets(config) for study in STUDIES.values()],
        layout.forests(config, STUDIES.values()),
        "results/claims.tsv",
        page.PAGE,


for study_name, study in STUDIES.items():

    rule:
        """Make what this study makes, and what that needs."""
        name:
            study_name
        input:
            study.targets(config),
        localrule: True


rule trajectories:
    """Fetch every checkpoint that lies on the hub, and do nothing else: where there is a network."""
    input:
        layout.hub_manifests(config),
    localrule: True
