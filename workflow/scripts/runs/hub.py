from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.hub import Location, fetch_checkpoint

    fetch_checkpoint(
        Location(**snakemake.params.location),
        snakemake.output[0],
        step=int(snakemake.wildcards.step),
        working=snakemake.params.unfinished,
        tokenizer=snakemake.params.tokenizer,
        weights=snakemake.params.weights,
    )
