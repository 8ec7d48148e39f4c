from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.claims import evaluate, write_claims
    from ontogeny.sas.claims import CLAIMS, Evidence
    from ontogeny.sas.interventions import Intervention
    from ontogeny.sas.onsets import onsets
    from ontogeny.sas.tables import ONSETS
    from ontogeny.sas.trajectories import read_trajectory
    from ontogeny.tables import write_table

    given = snakemake.input
    drawn = {"draws": snakemake.params.draws, "seed": snakemake.params.seed}
    own = read_trajectory(given.structure, given.sentences, given.pairs)
    write_table(onsets(own, **drawn), ONSETS, snakemake.output.onsets)
    other = None
    if given.baseline_structure:
        other = read_trajectory(
            given.baseline_structure, given.baseline_sentences, given.baseline_pairs
        )
    evidence = Evidence(
        own,
        other,
        Intervention(**snakemake.params.intervention),
        staged=snakemake.params.staged,
        **drawn,
    )
    place = snakemake.wildcards.run, snakemake.wildcards.corpus
    claims = evaluate(CLAIMS, {place: evidence}, snakemake.params.tier)
    write_claims(claims, snakemake.output.claims)
