from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.studies.interdependence.conditions import Member
    from ontogeny.studies.interdependence.sweep import sweep

    measurements = Path(snakemake.output[0])
    sweep(
        [Member(**member) for member in snakemake.params.members],
        snakemake.params.settings,
        measurements=measurements,
        # Outside the outputs, which Snakemake clears before a job: so a sweep resumes.
        working=measurements.parent / ".unfinished" / f"job-{snakemake.wildcards.job}",
    )
