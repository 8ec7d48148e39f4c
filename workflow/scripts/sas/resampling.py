from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import write_table
    from ontogeny.studies.sas.claims import CLAIMS, evidence
    from ontogeny.studies.sas.interventions import Intervention
    from ontogeny.studies.sas.onsets import onsets
    from ontogeny.studies.sas.tables import ONSETS
    from ontogeny.studies.sas.trajectories import read_trajectory

    given = snakemake.input
    drawn = {"draws": snakemake.params.draws, "seed": snakemake.params.seed}
    run = read_trajectory(given.structure, given.sentences, given.pairs)
    baseline, control = (
        read_trajectory(*files) if files[0] else None
        for files in (
            (given.baseline_structure, given.baseline_sentences, given.baseline_pairs),
            (given.control_structure, given.control_sentences, given.control_pairs),
        )
    )
    write_table(onsets(run, **drawn), ONSETS, snakemake.output.onsets)
    found = evidence(
        run,
        baseline,
        Intervention(**snakemake.params.intervention),
        snakemake.params.rivals,
        control,
        **drawn,
    )
    write_claims(evaluate(CLAIMS, found, snakemake.params.tier), snakemake.output.claims)
