from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import SPLITS
    from ontogeny.measures.interactions.clone_corpus import write_clone

    given, folder = snakemake.input, Path(snakemake.output.statistics).parent
    write_clone(
        snakemake.wildcards.corpus,
        snakemake.params.settings,
        given.checkpoint,
        dict(zip(SPLITS, given.sentences, strict=True)),
        folder=folder,
        # Outside the outputs, which Snakemake clears before a job: so sampling resumes.
        working=folder / ".unfinished",
    )
