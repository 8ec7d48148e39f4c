"""Features: word vectors of every layer, for a chunk of checkpoints and one study's sample.

Needs trajectories that passed their audit, and samples. Makes temporary folders of safetensors files,
step-{step}.{split}.safetensors, which go away once the study has measured them.
"""


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
    conda:
        "../envs/models.yaml"
    threads: lambda wildcards: STUDIES[wildcards.study]["threads"]
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
        pooling=lambda wildcards: STUDIES[wildcards.study]["pooling"],
        tokens_per_batch=lambda wildcards: STUDIES[wildcards.study]["tokens_per_batch"],
        precision=lambda wildcards: STUDIES[wildcards.study].get("precision", "auto"),
    message:
        "features of {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on {wildcards.corpus}"
    script:
        "../workflow/scripts/features/features.py"
