from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.hub.fetching import fetch_checkpoint
    from ontogeny.runs.hub.locations import Location

    checkpoint = Path(snakemake.output[0])
    fetch_checkpoint(
        Location(**snakemake.params.location),
        checkpoint,
        step=int(snakemake.wildcards.step),
        # Outside the output, which Snakemake clears before a job: so a download resumes.
        working=checkpoint.parent / ".unfinished" / checkpoint.name,
        tokenizer=snakemake.params.tokenizer,
        weights=snakemake.params.weights,
    )
