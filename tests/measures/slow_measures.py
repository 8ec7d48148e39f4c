"""Measures in plain loops over what a model itself gives, one sentence at a time, unpadded."""

import numpy as np
import torch


def words_of_pieces(tokenizer, words):
    """Return a sentence's tokens and the word of each, told by its characters; None for special."""
    text = " ".join(words)
    encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
    # A space belongs to the word after it.
    owner = np.cumsum([character == " " for character in text])
    places = zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True)
    return encoded["input_ids"], [None if s else int(owner[b]) for (b, _), s in places]


def hidden_states(model, tokenizer, words):
    """Return each word's vector in each layer, (layers + 1, words, width): its pieces' mean."""
    ids, owner = words_of_pieces(tokenizer, words)
    with torch.no_grad():
        states = model.base_model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    pieces = [[i for i, o in enumerate(owner) if o == word] for word in range(len(words))]
    return torch.stack([torch.stack([s[0, places].mean(0) for places in pieces]) for s in states])


def word_attention(model, tokenizer, words):
    """Return the attention between words, (layers, heads, words, words), without the diagonal."""
    ids, owner = words_of_pieces(tokenizer, words)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        layers = model.base_model(torch.tensor([ids]), output_attentions=True).attentions
    heads = layers[0].shape[1]
    result = np.zeros((len(layers), heads, len(words), len(words)))
    for layer, attention in enumerate(layers):
        for head in range(heads):
            for source in range(len(words)):
                for target in range(len(words)):
                    rows = [i for i, o in enumerate(owner) if o == source]
                    columns = [i for i, o in enumerate(owner) if o == target]
                    if source != target:
                        cells = [
                            sum(float(attention[0, head, i, j]) for j in columns) for i in rows
                        ]
                        result[layer, head, source, target] = sum(cells) / len(rows)
    return result


def pseudo_log_likelihood(model, tokenizer, text, within_word=False):
    """Return the log probability of each token, itself masked, added up."""
    encoded = tokenizer(text)
    ids, words = encoded["input_ids"], encoded.word_ids()
    total = 0.0
    for place, word in enumerate(words):
        if word is None:
            continue
        copy = list(ids)
        copy[place] = tokenizer.mask_token_id
        if within_word:
            for later in range(place + 1, len(ids)):
                if words[later] == word:
                    copy[later] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = model(torch.tensor([copy])).logits[0, place]
        total += float(torch.log_softmax(logits.double(), dim=-1)[ids[place]])
    return total


def log_likelihood(model, tokenizer, text):
    """Return the log probability of each token given those before it, added up."""
    ids = [tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]
    total = 0.0
    for place in range(1, len(ids)):
        with torch.no_grad():
            logits = model(torch.tensor([ids[:place]])).logits[0, -1]
        total += float(torch.log_softmax(logits.double(), dim=-1)[ids[place]])
    return total


def losses_and_gradients(model, questions):
    """Return each sentence's loss and the squared norm of its gradient, both (sentences,).

    `questions` are as `ask` returns them; what is answered is the text's own token. Sentences in
    which nothing is asked have 0.
    """
    losses, norms = np.zeros((2, len(questions.text.lengths)))
    for row in np.flatnonzero(questions.counts):
        start = questions.text.starts[row]
        stop = start + questions.text.lengths[row]
        answers = torch.from_numpy(questions.answers[start:stop])
        model.zero_grad()
        logits = model(torch.from_numpy(questions.shown[start:stop])[None]).logits[0]
        loss = torch.nn.functional.cross_entropy(logits, answers, ignore_index=-1, reduction="sum")
        loss.backward()
        losses[row] = float(loss.detach())
        norms[row] = sum(
            float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None
        )
    return losses, norms
