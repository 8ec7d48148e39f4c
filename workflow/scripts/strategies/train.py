from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.studies.strategies.conditions import Member
    from ontogeny.studies.strategies.sweep import sweep

    measurements = Path(snakemake.output.measurements)
    sweep(
        [Member(**member) for member in snakemake.params.members],
        snakemake.params.settings,
        measurements=measurements,
        embeddings=Path(snakemake.output.embeddings),
        # Outside the outputs, which Snakemake clears before a job: so a sweep resumes.
        working=measurements.parent / ".unfinished" / f"job-{snakemake.wildcards.job}",
    )
