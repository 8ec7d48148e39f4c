"""Draws a second of chains around a GPT-2, against devinterp and canonical-interp.

GPT-2 with 2 layers and width 64, 1,000 types, batches of 32 sequences of 32 tokens, 8 chains; the
model was trained for a moment, so that it lies in a valley. All three take the same steps of SGLD,
and the estimates have to agree within their errors, else it stops. Theirs are made in an
environment of their own, `.venv-devinterp`, made on the first run. Each side samples twice, few
draws and many; what a draw costs is the difference, so that compiling, starting and evaluating the
whole data count for no one. Sides alternate; printed are medians. Ours also checks one move in 32
by Metropolis and Hastings, and evaluates the centre on all data; theirs do neither.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import torch

from ontogeny.measures.learning_coefficient.language_models import causal_examples, causal_losses

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-devinterp"
TYPES, LENGTH, SEQUENCES, BATCH = 1000, 32, 2048, 32
STEP_SIZE, LOCALISATION, N_BETA = 1e-5, 1000.0, 100.0


def environment() -> Path:
    """Return the Python that has both libraries, making its environment if there is none."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        import transformers

        wanted = [
            f"torch=={torch.__version__.split('+')[0]}",
            f"transformers=={transformers.__version__}",
            "devinterp==2.0.1",
            "canonical-interp==0.1.5",
        ]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        # What devinterp draws in may be built for another torch, and then nothing can be imported.
        remove = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "torchvision"]
        subprocess.run(remove, check=True)
        (ENVIRONMENT / ".ready").touch()
    return python


def trained_model():
    """Return a GPT-2, its text, sequences from a Markov chain of few successors, and examples."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=TYPES, n_layer=2, n_head=4, n_embd=64, n_positions=LENGTH,
        bos_token_id=None, eos_token_id=None, use_cache=False,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    model.set_attn_implementation("eager")
    successors = torch.randint(TYPES, (TYPES, 4))
    tokens = [torch.randint(TYPES, (SEQUENCES,))]
    for _ in range(LENGTH - 1):
        tokens.append(successors[tokens[-1], torch.randint(4, (SEQUENCES,))])
    text = torch.stack(tokens, 1)
    examples = causal_examples(text, torch.ones_like(text, dtype=torch.bool))
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(100):
        sums, counts = causal_losses(model, examples.take(torch.randint(SEQUENCES, (BATCH,))))
        optimiser.zero_grad()
        (sums.sum() / counts.sum()).backward()
        optimiser.step()
    return model.eval(), text, examples


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chains", type=int, default=8)
    parser.add_argument("--burn-in", type=int, default=40)
    parser.add_argument("--draws", type=int, nargs=2, default=(20, 80))
    arguments = parser.parse_args()
    from ontogeny.measures.learning_coefficient import Condition, estimate, sample

    torch.set_num_threads(arguments.threads)
    model, text, examples = trained_model()
    with torch.no_grad():
        sums, counts = causal_losses(model, examples.tensors)
        centre = float(sums.sum() / counts.sum())

    def ours(draws: int, seed: int):
        return sample(
            [model], causal_losses, examples,
            [Condition(STEP_SIZE, LOCALISATION, N_BETA)],
            chains=arguments.chains, burn_in=arguments.burn_in, draws=draws, batch_size=BATCH,
            seed=seed,
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        torch.save(text, f"{folder}/tokens.pt")
        script = ROOT / "tests" / "bench" / "learning_coefficient_worker.py"
        worker = subprocess.Popen(
            [environment(), script, folder, str(arguments.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdout.readline()

        def theirs(side: str, draws: int, seed: int) -> tuple[np.ndarray, float]:
            settings = (arguments.chains, arguments.burn_in, draws)
            job = [side, *settings, STEP_SIZE, LOCALISATION, N_BETA, seed]
            worker.stdin.write(json.dumps(job) + "\n")
            worker.stdin.flush()
            found, seconds = json.loads(worker.stdout.readline())
            return np.array(found), seconds

        def timed_ours(draws: int, seed: int) -> tuple[float, float, float]:
            import time

            start = time.perf_counter()
            found = estimate(ours(draws, seed), np.array([N_BETA]))
            seconds = time.perf_counter() - start
            return found.coefficient.item(), found.standard_error.item(), seconds

        few, many = arguments.draws
        sides = ("devinterp", "canonical-interp")
        estimates: dict[str, list[float]] = {side: [] for side in ("ours", *sides)}
        seconds: dict[str, list[float]] = {side: [] for side in estimates}
        errors = []
        for repeat in range(arguments.repeats):
            short, (value, error, long) = timed_ours(few, repeat)[2], timed_ours(many, repeat)
            seconds["ours"].append(long - short)
            estimates["ours"].append(value)
            errors.append(error)
            for side in sides:
                short = theirs(side, few, repeat)[1]
                found, long = theirs(side, many, repeat)
                seconds[side].append(long - short)
                estimates[side].append(N_BETA * (found.mean() - centre))
        worker.stdin.close()
        worker.wait()
    made = (many - few) * arguments.chains
    rates = {side: made / median(values) for side, values in seconds.items()}
    for side, values in estimates.items():
        print(
            f"{side}: {rates[side]:.1f} draws/s, estimate {np.mean(values):.2f} "
            f"(repeats {', '.join(f'{value:.2f}' for value in values)})"
        )
    print(f"standard error of ours: {np.mean(errors):.2f}")
    for side in sides:
        print(f"local learning coefficient: {rates['ours'] / rates[side]:.2f} times {side}")
        # Theirs is off the centre's loss on other batches, which adds an error of the batches.
        spread = np.std(estimates[side], ddof=1) if arguments.repeats > 1 else 0.0
        allowed = 4 * (np.mean(errors) + spread)
        difference = abs(np.mean(estimates[side]) - np.mean(estimates["ours"]))
        if difference > allowed:
            raise SystemExit(f"{side}: estimates differ by {difference:.2f}; allowed {allowed:.2f}")


if __name__ == "__main__":
    main()
