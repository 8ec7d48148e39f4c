from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import read_table
    from ontogeny.studies.interdependence.conditions import RUN
    from ontogeny.studies.interdependence.rule_claims import claims
    from ontogeny.studies.interdependence.rule_statistics import curves
    from ontogeny.studies.interdependence.tables import INTERDEPENDENCE

    table = read_table(snakemake.input.table, INTERDEPENDENCE, only={"run": [RUN]})
    params = snakemake.params
    found = curves(table, rule_count=params.rule_count, draws=params.draws, seed=params.seed)
    write_claims(evaluate(claims(found), {(RUN, ""): found}, params.tier), snakemake.output[0])
