"""Scores sentences with minicons, in an environment of its own; told what to do on its input.

Each line in is `[sentences, batch size]` in JSON, each line out `[scores, seconds, seconds of
processor time]`.
"""

import json
import sys
import time


def main() -> None:
    folder, threads = sys.argv[1], int(sys.argv[2])
    import torch
    from minicons import scorer
    from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

    torch.set_num_threads(threads)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = scorer.MaskedLMScorer(
        AutoModelForMaskedLM.from_pretrained(folder), "cpu", tokenizer=tokenizer
    )
    print("ready", flush=True)
    for line in sys.stdin:
        sentences, size = json.loads(line)
        start, start_cpu = time.perf_counter(), time.process_time()
        scores: list[float] = []
        for begin in range(0, len(sentences), size):
            batch = sentences[begin : begin + size]
            scores += model.sequence_score(batch, reduction=lambda found: found.sum().item())
        seconds = time.perf_counter() - start, time.process_time() - start_cpu
        print(json.dumps([scores, *seconds]), flush=True)


if __name__ == "__main__":
    main()
