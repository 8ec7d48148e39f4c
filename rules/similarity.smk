"""The study of similarity: how representations settle, and how they come to resemble a tagger's.

Needs features of each checkpoint and the samples they were taken on. Makes taggers of each corpus,
and the parts of the study's tables and claims, in results/measurements/similarity/, which
rules/results.smk joins. All seeds of a run are measured in one job, since each is compared with the
last checkpoints of the others.
"""

from ontogeny.studies.similarity import layout as similarity_layout
from ontogeny.studies.similarity import resources as similarity_resources

SIMILARITY = SETTINGS["similarity"]


rule similarity_taggers:
    """Train all taggers of a corpus, true and shuffled, side by side."""
    input:
        sentences="results/corpora/{corpus}/train.parquet",
        semantic=lambda wildcards: SIMILARITY["semantic"]
        .get(wildcards.corpus, {})
        .get("file", []),
    output:
        taggers=directory("results/measurements/similarity/taggers/{corpus}"),
        table="results/measurements/similarity/taggers/{corpus}.parquet",
    log:
        "results/logs/similarity/taggers.{corpus}.log",
    benchmark:
        "results/benchmarks/similarity/taggers.{corpus}.tsv"
    conda:
        "../envs/models.yaml"
    threads: SIMILARITY["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: similarity_resources.taggers_memory(
            config, wildcards.corpus, attempt
        ),
        runtime=lambda wildcards, attempt: similarity_resources.taggers_runtime(
            config, wildcards.corpus, attempt
        ),
    params:
        tagsets=lambda wildcards: SIMILARITY["corpora"][wildcards.corpus],
        semantic=lambda wildcards: SIMILARITY["semantic"].get(wildcards.corpus),
        training={
            key: SIMILARITY[key]
            for key in (
                *("width", "dropout", "epochs", "batch_size", "sequence_length"),
                *("learning_rate", "decay_factor", "max_gradient_norm"),
            )
        },
        settings={
            key: SIMILARITY[key] for key in ("documents", "lowercase", "least_count")
        },
        seed=config["seed"],
    message:
        "training taggers of {params.tagsets} on {wildcards.corpus}"
    script:
        "../workflow/scripts/similarity/taggers.py"


rule similarity_compare:
    """Compare the layers of a chunk of checkpoints, of all seeds, with final states and taggers."""
    input:
        features=lambda wildcards: similarity_layout.features(
            config, wildcards.run, wildcards.corpus, wildcards.chunk
        ),
        finals=lambda wildcards: similarity_layout.last_features(
            config, wildcards.run, wildcards.corpus
        ),
        splits=expand(
            "results/samples/similarity/{{corpus}}/{split}.parquet", split=SPLITS
        ),
        taggers=expand(
            "results/measurements/similarity/taggers/{domain}",
            domain=SIMILARITY["corpora"],
        ),
    output:
        "results/measurements/similarity/{corpus}/{run}/chunk-{chunk}.parquet",
    log:
        "results/logs/similarity/compare.{corpus}.{run}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/similarity/compare.{corpus}.{run}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: SIMILARITY["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: similarity_resources.measuring_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: similarity_resources.measuring_runtime(
            config, wildcards.run, wildcards.chunk, attempt
        ),
    params:
        steps=steps_of("similarity"),
        last=lambda wildcards: layout.studied_steps(
            config, "similarity", wildcards.run
        )[-1],
        seeds=lambda wildcards: RUNS[wildcards.run]["seeds"],
        domains=SIMILARITY["corpora"],
        tagsets=lambda wildcards: SIMILARITY["corpora"][wildcards.corpus],
        settings={
            key: SIMILARITY[key]
            for key in ("variance", "mass", "distances", "diagnostics")
        },
        seed=config["seed"],
    message:
        "comparing {wildcards.run}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/similarity/compare.py"


rule similarity_claims:
    """Redraw the seeds of one run on one corpus: its claims."""
    input:
        # On all corpora: a claim compares words of a tagger's domain with words of others.
        measured=lambda wildcards: [
            file
            for corpus in SIMILARITY["corpora"]
            for file in similarity_layout.measured(config, wildcards.run, corpus)
        ],
        taggers=similarity_layout.tagger_tables(config),
    output:
        "results/measurements/similarity/{corpus}/{run}/claims.tsv",
    log:
        "results/logs/similarity/claims.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/similarity/claims.{corpus}.{run}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(30),
    params:
        tier=config["tier"],
        draws=SIMILARITY["bootstrap"],
        seed=config["seed"],
    message:
        "holding the claims about {wildcards.run} on {wildcards.corpus} against its similarities"
    script:
        "../workflow/scripts/similarity/claims.py"
