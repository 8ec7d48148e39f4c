from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.grammar import minimal_pairs, write_minimal_pairs

    write_minimal_pairs(minimal_pairs(**snakemake.params.settings), snakemake.output[0])
