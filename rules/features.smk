"""Features: word vectors of every layer, for a chunk of checkpoints and one study's sample.

Needs trajectories that passed their audit, and corpora. Makes the samples that bound what a study
reads of a corpus, and temporary folders of safetensors files, step-{step}.{split}.safetensors, which
go away once the study has measured them. For the studies that declare `reads_features`.
"""

READ_FEATURES = any_of(name for name, study in STUDIES.items() if study.reads_features)


rule sample:
    """Draw the sentences that a study reads, and refuse a corpus that lacks what it needs."""
    input:
        splits=rules.corpus.output.splits,
    output:
        splits=expand(
            "results/samples/{{study}}/{{corpus}}/{split}.parquet", split=SPLITS
        ),
    log:
        "results/logs/corpora/sample.{study}.{corpus}.log",
    benchmark:
        "results/benchmarks/corpora/sample.{study}.{corpus}.tsv"
    wildcard_constraints:
        study=READ_FEATURES,
    group:
        "corpora"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(10),
    params:
        words=lambda wildcards: SETTINGS[wildcards.study]["words"],
        needs=lambda wildcards: [
            asdict(need)
            for need in STUDIES[wildcards.study].needs(
                SETTINGS[wildcards.study], wildcards.corpus
            )
        ],
        seed=config["seed"],
    message:
        "drawing {params.words} words of {wildcards.corpus} for {wildcards.study}"
    script:
        "../workflow/scripts/features/sample.py"


rule features:
    """Take the representations of a sample's words from each layer of a chunk of checkpoints."""
    input:
        checkpoints=lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.steps_of_chunk(
                config, wildcards.study, wildcards.run, wildcards.chunk
            )
        ],
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        # That it passed counts, not when: a change from stop to warn leaves the features as they are.
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        splits=rules.sample.output.splits,
    output:
        temp(
            directory(
                "results/features/{study}/{corpus}/{run}/seed-{seed}/chunk-{chunk}"
            )
        ),
    log:
        "results/logs/features/{study}.{corpus}.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/features/{study}.{corpus}.{run}.seed-{seed}.chunk-{chunk}.tsv"
    wildcard_constraints:
        study=READ_FEATURES,
    conda:
        "../envs/models.yaml"
    threads: lambda wildcards: SETTINGS[wildcards.study]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: resources.features_memory(
            config, wildcards.study, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: resources.features_runtime(
            config, wildcards.study, wildcards.run, wildcards.chunk, attempt
        ),
        gpu=resources.gpus(config),
    params:
        steps=lambda wildcards: layout.steps_of_chunk(
            config, wildcards.study, wildcards.run, wildcards.chunk
        ),
        pooling=lambda wildcards: SETTINGS[wildcards.study]["pooling"],
        tokens_per_batch=lambda wildcards: SETTINGS[wildcards.study]["tokens_per_batch"],
        precision=lambda wildcards: SETTINGS[wildcards.study]["precision"],
        normalised=lambda wildcards: SETTINGS[wildcards.study].get("normalised", True),
        segment=lambda wildcards: SETTINGS[wildcards.study].get("segment", 0),
    message:
        "features of {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/features/features.py"
