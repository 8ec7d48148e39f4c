from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd
    from ontogeny.studies.norms.tables import NORMS

    from ontogeny.measures.complexity import weight_norm
    from ontogeny.results.tables import write_table
    from ontogeny.runs.checkpoints.loading import load_language_model

    wildcards = snakemake.wildcards
    rows = [
        {"step": step, "metric": "weight_norm", "value": weight_norm(load_language_model(path))}
        for step, path in zip(snakemake.params.steps, snakemake.input.checkpoints, strict=True)
    ]
    frame = pd.DataFrame(rows).assign(run=wildcards.run, seed=int(wildcards.seed))
    write_table(frame, NORMS, snakemake.output[0])
