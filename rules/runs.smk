"""Runs: trajectories of checkpoints, pretrained here, lying somewhere already, or on the hub.

Needs the `runs` of the configuration and the corpora they are trained on. Makes
results/runs/{run}/seed-{seed}/step-{step}/ (Hugging Face model folders) with manifest.tsv beside
them, and the table and figure of the losses.

A rule is generated for each run whose checkpoints come out of one job, because which they are
depends on the run's schedule. From the hub each comes by itself, and nothing that came is lost.
"""

for run_name in layout.runs_of_kind(config, "pretrain"):

    rule:
        """Train one seed of this run, saving a checkpoint at each scheduled step."""
        name:
            f"pretrain_{run_name}"
        input:
            train=expand(
                "results/corpora/{corpus}/train.parquet",
                corpus=runs.names(RUNS[run_name]["corpus"]),
            ),
            dev=expand(
                "results/corpora/{corpus}/dev.parquet",
                corpus=runs.names(RUNS[run_name]["corpus"]),
            ),
        output:
            checkpoints=[
                directory(path)
                for path in layout.checkpoint_patterns(config, run_name)
            ],
            manifest=f"results/runs/{run_name}/seed-{{seed}}/manifest.tsv",
            loss=f"results/runs/{run_name}/seed-{{seed}}/loss.tsv",
        log:
            f"results/logs/runs/pretrain.{run_name}.seed-{{seed}}.log",
        benchmark:
            f"results/benchmarks/runs/pretrain.{run_name}.seed-{{seed}}.tsv"
        conda:
            "../envs/models.yaml"
        # Of each of the processes that share a training.
        threads: RUNS[run_name]["threads"] * (RUNS[run_name]["devices"] or 1)
        resources:
            mem_mb=lambda wildcards, attempt, run=run_name: (
                resources.pretraining_memory(config, run, attempt)
            ),
            runtime=lambda wildcards, attempt, run=run_name: (
                resources.pretraining_runtime(config, run, attempt)
            ),
            gpu=resources.gpus(config, run_name),
        params:
            # All that changes the weights; the seeds of other trajectories don't.
            run=run_name,
            settings=runs.pretraining_settings(config, run_name),
            devices=RUNS[run_name]["devices"],
        message:
            f"pretraining {run_name}, seed {{wildcards.seed}}"
        script:
            "../workflow/scripts/runs/pretrain.py"


for run_name in layout.runs_of_kind(config, "local"):

    rule:
        """Link checkpoints that lie somewhere already, after checking that each is whole."""
        name:
            f"local_{run_name}"
        output:
            checkpoints=[
                directory(path)
                for path in layout.checkpoint_patterns(config, run_name)
            ],
            manifest=f"results/runs/{run_name}/seed-{{seed}}/manifest.tsv",
        log:
            f"results/logs/runs/local.{run_name}.seed-{{seed}}.log",
        benchmark:
            f"results/benchmarks/runs/local.{run_name}.seed-{{seed}}.tsv"
        conda:
            "../envs/models.yaml"
        threads: 1
        resources:
            mem_mb=resources.doubling(1000),
            runtime=lambda wildcards, attempt, run=run_name: (
                resources.reading_runtime(config, run, attempt)
            ),
        params:
            run=run_name,
            # A function, since Snakemake would fill in the {seed} and {step} of a string.
            path=lambda wildcards, run=run_name: RUNS[run]["path"],
            steps=layout.trajectory_steps(RUNS[run_name]),
            tokenizer=RUNS[run_name]["tokenizer"],
        message:
            f"linking the checkpoints of {run_name}, seed {{wildcards.seed}}"
        script:
            "../workflow/scripts/runs/local.py"


rule hub:
    """Fetch one checkpoint from the Hugging Face hub, check it, and convert it from a pickle."""
    output:
        directory("results/runs/{run}/seed-{seed}/step-{step}"),
    log:
        "results/logs/runs/hub.{run}.seed-{seed}.step-{step}.log",
    benchmark:
        "results/benchmarks/runs/hub.{run}.seed-{seed}.step-{step}.tsv"
    wildcard_constraints:
        run=any_of(layout.runs_of_kind(config, "hub")),
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: resources.fetching_memory(
            config, wildcards.run, attempt
        ),
        runtime=lambda wildcards, attempt: resources.fetching_runtime(
            config, wildcards.run, attempt
        ),
        # The profile says how many there may be at once.
        downloads=1,
    params:
        location=lambda wildcards: runs.hub_checkpoint(
            config, wildcards.run, wildcards.seed, wildcards.step
        ),
        tokenizer=lambda wildcards: RUNS[wildcards.run]["tokenizer"],
        weights=lambda wildcards: RUNS[wildcards.run]["weights"],
    message:
        "fetching {wildcards.run}, seed {wildcards.seed}, step {wildcards.step}, from the hub"
    script:
        "../workflow/scripts/runs/hub.py"


rule hub_manifest:
    """Join what the checkpoints of a trajectory from the hub say of themselves."""
    input:
        lambda wildcards: [
            layout.checkpoint(wildcards.run, wildcards.seed, step)
            for step in layout.trajectory_steps(RUNS[wildcards.run])
        ],
    output:
        "results/runs/{run}/seed-{seed}/manifest.tsv",
    log:
        "results/logs/runs/hub_manifest.{run}.seed-{seed}.log",
    benchmark:
        "results/benchmarks/runs/hub_manifest.{run}.seed-{seed}.tsv"
    wildcard_constraints:
        run=any_of(layout.runs_of_kind(config, "hub")),
    # A second's work, not worth a place in a queue.
    localrule: True
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "joining the manifest of {wildcards.run}, seed {wildcards.seed}"
    script:
        "../workflow/scripts/runs/hub_manifest.py"


rule loss:
    """Join the loss curves of all trajectories that were pretrained here."""
    input:
        [
            f"results/runs/{run}/seed-{seed}/loss.tsv"
            for run, seed in layout.pretrained_trajectories(config)
        ],
    output:
        "results/tables/loss.parquet",
    log:
        "results/logs/runs/loss.log",
    benchmark:
        "results/benchmarks/runs/loss.tsv"
    group:
        "loss"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    params:
        trajectories=layout.pretrained_trajectories(config),
    message:
        "joining the loss curves"
    script:
        "../workflow/scripts/runs/loss.py"


rule loss_figure:
    """Draw the losses of one run, seeds as a band."""
    input:
        "results/tables/loss.parquet",
    output:
        svg=report(
            "results/figures/runs/loss.{run}.svg",
            caption="../report/runs_loss.rst",
            category="Runs",
            labels={"figure": "loss curve", "run": "{run}"},
        ),
        png="results/figures/runs/loss.{run}.png",
        pdf="results/figures/runs/loss.{run}.pdf",
    log:
        "results/logs/runs/loss_figure.{run}.log",
    benchmark:
        "results/benchmarks/runs/loss_figure.{run}.tsv"
    group:
        "loss"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=resources.doubling(1000),
        runtime=resources.doubling(10),
    message:
        "drawing the loss of {wildcards.run}"
    script:
        "../workflow/scripts/runs/loss_figure.py"
