"""Runs chains with devinterp and with canonical-interp, in an environment of its own.

Called with a folder of a GPT-2 and its data, and a number of threads; each line in is `[library,
chains, burn-in, draws, step size, localisation, n beta, seed]` in JSON, each line out `[losses of
the draws by chain, seconds]`.
"""

import itertools
import json
import sys
import time
import warnings

if not hasattr(itertools, "batched"):  # before Python 3.12; canonical-interp imports it

    def batched(values, size):
        """Yield tuples of so many values, the last of what is left."""
        rest = iter(values)
        while part := tuple(itertools.islice(rest, size)):
            yield part

    itertools.batched = batched


def main() -> None:
    folder, threads = sys.argv[1], int(sys.argv[2])
    import torch
    from transformers import GPT2LMHeadModel

    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager")
    tokens = torch.load(f"{folder}/tokens.pt", weights_only=True)
    sides = {"devinterp": with_devinterp, "canonical-interp": with_canonical_interp}
    print("ready", flush=True)
    for line in sys.stdin:
        side, *settings = json.loads(line)
        start = time.perf_counter()
        losses = sides[side](model, tokens, *settings)
        print(json.dumps([losses, time.perf_counter() - start]), flush=True)


def with_devinterp(model, tokens, chains, burn_in, draws, step_size, localisation, n_beta, seed):
    """One chain after the other, as it samples them on one device."""
    from devinterp.optim import SGMCMC
    from devinterp.slt.sampler import sample_single_chain
    from torch.nn.functional import cross_entropy

    class Rows(torch_dataset()):
        def __len__(self):
            return len(tokens)

        def __getitem__(self, index):
            return {"input_ids": tokens[index]}

    def evaluate(model, batch):
        ids = batch["input_ids"]
        logits = model(input_ids=ids).logits[:, :-1]
        return cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()), {}

    found = [[] for _ in range(chains)]
    for chain in range(chains):
        sample_single_chain(
            model,
            Rows(),
            evaluate,
            {name: None for name, _ in model.named_parameters()},
            num_draws=draws,
            num_burnin_steps=burn_in,
            sampling_method=SGMCMC.sgld,
            sampling_method_kwargs={
                "lr": step_size,
                "localization": localisation,
                "nbeta": n_beta,
            },
            chain=chain,
            seed=seed + chain,
            dataloader_seed=seed + chain,
            callbacks=[lambda loss, chain, **_: found[chain].append(float(loss))],
            batch_size=32,
        )
    return found


def with_canonical_interp(
    model, tokens, chains, burn_in, draws, step_size, localisation, n_beta, seed
):
    """All chains at once, by vmap, each batch shared by all of them."""
    import torch
    from canonical_interp import LLCEstimator
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids):
            mask = torch.ones_like(ids)
            return self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]

    loader = DataLoader(
        tokens, batch_size=32, shuffle=True, generator=torch.Generator().manual_seed(seed)
    )
    estimator = LLCEstimator(
        draws=draws,
        chains=chains,
        burnin_steps=burn_in,
        steps_bw_draws=1,
        learning_rate=step_size,
        localization=localisation,
        nbeta=n_beta,
    )
    estimator.estimate_llc(
        Logits().eval(),
        loader,
        lambda logits, ids: cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()),
        unpack_fn=lambda batch: (batch, batch),
        seed=seed,
        compile=False,
        show_progress=False,
    )
    return estimator.array_log_l.tolist()


def torch_dataset():
    from torch.utils.data import Dataset

    return Dataset


if __name__ == "__main__":
    main()
