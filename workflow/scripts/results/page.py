from dataclasses import replace

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.page.document import write_page
    from ontogeny.planning.page import RUNS, section_of
    from ontogeny.planning.study import table_file
    from ontogeny.results.claims import read_claims
    from ontogeny.results.tables import read_table
    from ontogeny.studies import STUDIES

    known = {study.name: section_of(study) for study in STUDIES} | {RUNS.name: RUNS}
    write_page(
        [replace(known[name], figures=figures) for name, figures in snakemake.params.sections],
        lambda panel: read_table(
            table_file(panel.table), panel.table, only={"metric": panel.metrics}
        ),
        read_claims(snakemake.input.claims),
        snakemake.output[0],
        snakemake.params.forests,
    )
