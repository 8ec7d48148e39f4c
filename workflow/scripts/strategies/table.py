from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads) as logger:
    from ontogeny.results.tables import read_measurements, write_table
    from ontogeny.studies.strategies.conditions import Member
    from ontogeny.studies.strategies.tables import EMBEDDINGS, STRATEGIES, absent

    table = read_measurements(snakemake.input.measurements)
    members = [Member(**member) for member in snakemake.params.members]
    for member in absent(table, members):
        logger.warning("not in the tables, since it diverged: %s", member)
    write_table(table, STRATEGIES, snakemake.output.table)
    write_table(
        read_measurements(snakemake.input.embeddings), EMBEDDINGS, snakemake.output.embeddings
    )
