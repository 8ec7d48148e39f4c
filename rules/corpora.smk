"""Corpora: from sources (downloaded, mirrored, generated or named by the user) to one form.

Needs the `corpora` of the configuration, config/sources.tsv, and, for clones, the runs that are
sampled. Makes results/corpora/{corpus}/{train,dev,test}.parquet, which every study reads, the
statistics of each corpus, and, for grammars, suites of minimal pairs.
"""


rule source:
    """Fetch every file of a source, from the mirror or the network, and check its hash."""
    output:
        directory("results/sources/{source}"),
    log:
        "results/logs/corpora/source.{source}.log",
    benchmark:
        "results/benchmarks/corpora/source.{source}.tsv"
    wildcard_constraints:
        source=any_of(dict.fromkeys(file.source for file in SOURCES)),
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(120),
    params:
        files=lambda wildcards: [
            asdict(file) for file in files_of(wildcards.source, SOURCES)
        ],
    message:
        "fetching the source {wildcards.source}"
    script:
        "../workflow/scripts/corpora/source.py"


rule corpus:
    """Bring one corpus into the common form, split by split, and count what it holds."""
    input:
        lambda wildcards: input_paths(CORPORA[wildcards.corpus]),
    output:
        splits=expand("results/corpora/{{corpus}}/{split}.parquet", split=SPLITS),
        statistics="results/corpora/{corpus}/statistics.tsv",
    log:
        "results/logs/corpora/corpus.{corpus}.log",
    benchmark:
        "results/benchmarks/corpora/corpus.{corpus}.tsv"
    wildcard_constraints:
        corpus=any_of([name for name in CORPORA if name not in layout.clones(config)]),
    group:
        "corpora"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(30),
    params:
        settings=lambda wildcards: layout.corpus_settings(config, wildcards.corpus),
    message:
        "building the corpus {wildcards.corpus}"
    script:
        "../workflow/scripts/corpora/corpus.py"


rule clone_corpus:
    """Sample a masked run's last checkpoint from the sentences of a corpus: a corpus of its own."""
    input:
        sentences=lambda wildcards: expand(
            "results/corpora/{corpus}/{split}.parquet",
            corpus=CORPORA[wildcards.corpus]["corpus"],
            split=SPLITS,
        ),
        checkpoint=lambda wildcards: layout.last_checkpoint(
            config, CORPORA[wildcards.corpus]["sampler"]
        ),
        # That it passed counts, not when.
        audit=lambda wildcards: ancient(
            layout.first_audit(config, CORPORA[wildcards.corpus]["sampler"])
        ),
    output:
        splits=expand("results/corpora/{{corpus}}/{split}.parquet", split=SPLITS),
        statistics="results/corpora/{corpus}/statistics.tsv",
    log:
        "results/logs/corpora/clone_corpus.{corpus}.log",
    benchmark:
        "results/benchmarks/corpora/clone_corpus.{corpus}.tsv"
    wildcard_constraints:
        corpus=any_of(layout.clones(config)),
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        # Some thousands of chains at a time, however many there are.
        mem_mb=resources.doubling(6000),
        runtime=lambda wildcards, attempt: resources.cloning_runtime(
            config, wildcards.corpus, attempt
        ),
        gpu=resources.gpus(config),
    params:
        settings=lambda wildcards: layout.corpus_settings(config, wildcards.corpus),
    message:
        "sampling the corpus {wildcards.corpus}"
    script:
        "../workflow/scripts/corpora/clone_corpus.py"


rule minimal_pairs:
    """Write a grammar's minimal pairs, one JSONL file a paradigm, in BLiMP's format."""
    output:
        directory("results/corpora/{corpus}/minimal_pairs"),
    log:
        "results/logs/corpora/minimal_pairs.{corpus}.log",
    benchmark:
        "results/benchmarks/corpora/minimal_pairs.{corpus}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(2000),
        runtime=resources.doubling(10),
    params:
        settings=lambda wildcards: layout.minimal_pair_settings(
            config, wildcards.corpus
        ),
    message:
        "writing the minimal pairs of {wildcards.corpus}"
    script:
        "../workflow/scripts/corpora/minimal_pairs.py"
