from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.measures.concentration import Texts
    from ontogeny.results.measurements import measure_steps
    from ontogeny.runs.checkpoints.loading import load_checkpoint, load_tokenizer
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.runs.pretraining.rare_words import sentences_trained_on
    from ontogeny.studies.sparsity.measure import measure_checkpoint, vocabulary

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    check_trajectory(Path(given.manifest).parent, params.steps)
    known = vocabulary(
        load_tokenizer(given.checkpoints[0]),
        sentences_trained_on(
            given.training, params.least_count, lowercase=params.lowercase, run=wildcards.run
        ),
        read_split(given.tagged),
        params.tagged,
    )
    sentences = sample(read_split(given.sentences), params.words, params.texts["seed"])
    checkpoints = dict(zip(params.steps, given.checkpoints, strict=True))

    def measured(step):
        loaded = load_checkpoint(checkpoints[step])
        return (
            measure_checkpoint(
                loaded.model,
                loaded.tokenizer,
                loaded.objective,
                sentences,
                known,
                Texts(**params.texts),
                occurrences=params.occurrences,
                least_tagged=params.tagged,
            ),
        )

    measure_steps(
        measured,
        params.steps,
        {"run": wildcards.run, "corpus": wildcards.corpus, "seed": int(wildcards.seed)},
        {snakemake.output[0]: None},
    )
