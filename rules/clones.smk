"""The study of clones: which order of interaction among tokens has been learned.

Needs trajectories that passed their audit, those of the runs that are sampled among them, test
sentences, and for its synthetic part a corpus of a Hamiltonian's sequences. Makes clones, and the
parts of the study's tables and claims, in results/measurements/clones/, which rules/results.smk
joins.
"""

from ontogeny.studies.clones import layout as clones_layout

CLONES = SETTINGS["clones"]


rule clones_hamiltonian:
    """Train factored attention on a Hamiltonian's sequences, and fit the best of each order."""
    input:
        training=f"results/corpora/{(CLONES['hamiltonian'] or {}).get('corpus')}/train.parquet",
        held_out=f"results/corpora/{(CLONES['hamiltonian'] or {}).get('corpus')}/test.parquet",
    output:
        rows="results/measurements/clones/{corpus}/hamiltonian/rows.parquet",
        claims="results/measurements/clones/{corpus}/hamiltonian/claims.tsv",
    log:
        "results/logs/clones/hamiltonian.{corpus}.log",
    benchmark:
        "results/benchmarks/clones/hamiltonian.{corpus}.tsv"
    conda:
        "../envs/models.yaml"
    threads: CLONES["threads"]
    resources:
        mem_mb=resources.doubling(6000),
        runtime=resources.doubling(12 * 60),
    params:
        settings=clones_layout.hamiltonian_settings(config),
        corpus=lambda wildcards: layout.corpus_settings(config, wildcards.corpus),
        tier=config["tier"],
        draws=CLONES["bootstrap"],
        seed=config["seed"],
    message:
        "training factored attention on the sequences of {wildcards.corpus}"
    script:
        "../workflow/scripts/clones/hamiltonian.py"


rule clones_samples:
    """Sample a run's last checkpoint from test sentences, thousands of chains in parallel."""
    input:
        checkpoint=lambda wildcards: layout.last_checkpoint(config, wildcards.run),
        # That it passed counts, not when.
        audit=lambda wildcards: ancient(layout.first_audit(config, wildcards.run)),
        sentences="results/corpora/{corpus}/test.parquet",
    output:
        clones=[
            clones_layout.clone("{corpus}", "{run}", sweeps)
            for sweeps in CLONES["sweeps"]
        ],
        rows="results/measurements/clones/{corpus}/clones/{run}/rows.parquet",
        sentences="results/measurements/clones/{corpus}/clones/{run}/sentences.parquet",
    log:
        "results/logs/clones/samples.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/clones/samples.{corpus}.{run}.tsv"
    conda:
        "../envs/models.yaml"
    threads: CLONES["threads"]
    resources:
        mem_mb=resources.doubling(6000),
        runtime=resources.doubling(12 * 60),
        gpu=resources.gpus(config),
    params:
        settings={
            key: CLONES[key]
            for key in (
                *("sentences", "shortest", "longest", "sweeps", "shown"),
                *("proposals", "order", "temperature"),
            )
        },
        # Where a job that is killed left off; Snakemake removes what it calls output.
        working="results/measurements/clones/{corpus}/clones/{run}.unfinished",
        run_seed=lambda wildcards: RUNS[wildcards.run]["seeds"][0],
        step=lambda wildcards: layout.trajectory_steps(RUNS[wildcards.run])[-1],
        seed=config["seed"],
    message:
        "sampling clones of {wildcards.corpus} from {wildcards.run}"
    script:
        "../workflow/scripts/clones/samples.py"


rule clones_losses:
    """Measure the loss of some checkpoints on the original sentences and on each clone."""
    input:
        checkpoints=checkpoints_of("clones"),
        manifest="results/runs/{run}/seed-{seed}/manifest.tsv",
        # That it passed counts, not when.
        audit=ancient("results/runs/{run}/seed-{seed}/audit.passed"),
        sentences="results/corpora/{corpus}/test.parquet",
        clones=lambda wildcards: list(
            clones_layout.clones(config, wildcards.corpus).values()
        ),
    output:
        "results/measurements/clones/{corpus}/{run}/seed-{seed}/chunk-{chunk}.losses.parquet",
    log:
        "results/logs/clones/losses.{corpus}.{run}.seed-{seed}.chunk-{chunk}.log",
    benchmark:
        "results/benchmarks/clones/losses.{corpus}.{run}.seed-{seed}.chunk-{chunk}.tsv"
    conda:
        "../envs/models.yaml"
    threads: CLONES["threads"]
    resources:
        mem_mb=resources.doubling(6000),
        runtime=resources.doubling(4 * 60),
        gpu=resources.gpus(config),
    params:
        steps=steps_of("clones"),
        clones=lambda wildcards: list(clones_layout.clones(config, wildcards.corpus)),
        settings={
            key: CLONES[key] for key in ("sentences", "shortest", "longest", "places")
        },
        seed=config["seed"],
    message:
        "measuring {wildcards.run}, seed {wildcards.seed}, steps {params.steps}, on clones of {wildcards.corpus}"
    script:
        "../workflow/scripts/clones/losses.py"


rule clones_claims:
    """Find when the losses of a run saturate, and judge the claims about text."""
    input:
        losses=lambda wildcards: layout.measurements_of(
            config, "clones", "losses", wildcards.run, wildcards.corpus
        ),
        samplers=lambda wildcards: [
            f"results/measurements/clones/{wildcards.corpus}/clones/{run}/rows.parquet"
            for run in CLONES["samplers"]
        ],
    output:
        rows="results/measurements/clones/{corpus}/{run}/rows.parquet",
        claims="results/measurements/clones/{corpus}/{run}/claims.tsv",
    log:
        "results/logs/clones/claims.{corpus}.{run}.log",
    benchmark:
        "results/benchmarks/clones/claims.{corpus}.{run}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(4000),
        runtime=resources.doubling(60),
    params:
        tolerance=CLONES["tolerance"],
        tier=config["tier"],
        draws=CLONES["bootstrap"],
        seed=config["seed"],
    message:
        "judging the claims of clones about {wildcards.run} on {wildcards.corpus}"
    script:
        "../workflow/scripts/clones/claims.py"
