"""What is measured at one checkpoint, and what is kept of it for the tables and the bootstrap."""

import numpy as np
import pandas as pd
import pytest
import torch
from random_corpora import as_corpus, random_corpus
from tiny_language_models import KINDS, WORDS, build

from ontogeny.errors import CheckpointError, CorpusError, TableError
from ontogeny.measures.attention import word_attention
from ontogeny.measures.attention.cut_sentences import cut_sentences
from ontogeny.measures.attention.edge_hits import edge_hits, gold_edges, hits_of
from ontogeny.measures.attention.implicit_parse import OFFSETS, frequent_uas, implicit_parse
from ontogeny.measures.complexity import intrinsic_dimension, weight_norm
from ontogeny.measures.features import extract
from ontogeny.measures.likelihood import held_out_loss
from ontogeny.results.tables import check
from ontogeny.studies.sas.attention_map import Head, attention_map, best_head, shown_sentence
from ontogeny.studies.sas.measure import drawn_pairs, measure_capability, measure_structure
from ontogeny.studies.sas.tables import ATTENTION, DIRECTIONS, PAIR_COLUMNS, SAS, SENTENCE_COLUMNS

PLACE = {"run": "mine", "corpus": "here", "seed": 0, "step": 10}


def objective(kind):
    return "masked" if kind == "bert" else "causal"


@pytest.fixture(scope="module")
def corpus():
    return random_corpus(np.random.default_rng(0), 40, words=WORDS)


@pytest.fixture(scope="module", params=KINDS)
def measured(request, corpus):
    """Model, tokenizer, corpus, rows of the table, and rows of sentences."""
    model, tokenizer = build(request.param)
    rows, sentences = measure_structure(
        model,
        tokenizer,
        corpus,
        source="here",
        objective=objective(request.param),
        points=60,
        fisher_sentences=4,
        seed=3,
    )
    return request.param, model, tokenizer, rows, sentences


def value(rows, metric, **keys):
    chosen = rows[rows["metric"] == metric]
    for name, wanted in keys.items():
        column = chosen[name]
        chosen = chosen[column.isna() if wanted is None else column == wanted]
    assert len(chosen) == 1
    return float(chosen["value"].iloc[0])


def test_rows_keep_to_the_declared_table(measured):
    *_, rows, sentences = measured
    check(rows.assign(**PLACE), SAS)
    assert set(sentences.columns) | set(PLACE) == set(SENTENCE_COLUMNS)


def test_the_implicit_parse_is_kept_number_by_number(measured, corpus):
    _, model, tokenizer, rows, _ = measured
    words = list(corpus["words"])
    hits = edge_hits(word_attention(model, tokenizer, words), gold_edges(corpus, "here"))
    parse = implicit_parse(hits, seed=3)
    for metric in ("uas", "uas_held_out", "offset_uas"):
        assert value(rows, metric, relation=None) == getattr(parse, metric)
    for r, relation in enumerate(parse.relations):
        layer, head, direction = parse.best[r]
        best = {"layer": layer + 1, "head": head + 1, "direction": DIRECTIONS[direction]}
        expected = parse.head_uas[r, layer, head, direction]
        assert value(rows, "uas", relation=relation, **best) == expected
        assert (
            value(rows, "head_uas", relation=relation, **best)
            == expected
            == parse.head_uas[r].max()
        )
        assert value(rows, "uas_held_out", relation=relation) == parse.held_out[r]
        offset = OFFSETS[parse.offsets[r].argmax()]
        assert value(rows, "offset_uas", relation=relation, offset=offset) == parse.offsets[r].max()
        for place in np.ndindex(parse.edge_mass.shape[1:]):
            keys = {"layer": place[0] + 1, "head": place[1] + 1, "direction": DIRECTIONS[place[2]]}
            mass = value(rows, "edge_mass", relation=relation, **keys)
            assert mass == parse.edge_mass[(r, *place)]
    of_relations = rows[(rows["metric"] == "uas") & rows["relation"].notna()]
    assert of_relations["n"].sum() == parse.edges.sum() == len(hits.edges.sentence)


def test_frequent_relations_and_the_single_best_head_are_scored_as_a_loop_does(measured, corpus):
    _, model, tokenizer, rows, _ = measured
    words = list(corpus["words"])
    every = gold_edges(corpus, "here", punctuation=True)
    hits = edge_hits(word_attention(model, tokenizer, words), every)
    right = {}
    for edge, option in np.ndindex(len(hits.hits), int(np.prod(hits.hits.shape[1:]))):
        right[option] = right.get(option, 0) + float(hits.hits[edge].flat[option])
    assert value(rows, "uas_single_head") == pytest.approx(max(right.values()) / len(hits.hits))
    assert len(hits.hits) == sum(np.count_nonzero(heads) for heads in corpus["head"])
    parse = implicit_parse(hits_of(hits, gold_edges(corpus, "here")), seed=3)
    alone = implicit_parse(
        edge_hits(word_attention(model, tokenizer, words), gold_edges(corpus, "here")), seed=3
    )
    assert parse.relations == alone.relations
    np.testing.assert_array_equal(parse.head_uas, alone.head_uas)
    for least in (1, int(np.median(parse.edges)), int(parse.edges.max())):
        total = [
            (hit, count)
            for hit, count in zip(parse.head_uas.max(axis=(1, 2, 3)), parse.edges, strict=True)
            if count >= least
        ]
        expected = sum(hit * count for hit, count in total) / sum(count for _, count in total)
        found, counted = frequent_uas(parse, least)
        assert found == pytest.approx(expected)
        assert counted == sum(count for _, count in total)
    assert np.isnan(frequent_uas(parse, 10**6)[0])


def test_long_sentences_are_cut_to_what_the_model_reads_if_asked():
    model, tokenizer = build("bert", positions=12)
    corpus = random_corpus(np.random.default_rng(1), 30, longest=20, words=WORDS)
    cut = cut_sentences(corpus, tokenizer, 12)
    shorter = 0
    for before, after in zip(corpus.itertuples(), cut.itertuples(), strict=True):
        count = len(after.words)
        assert list(after.words) == list(before.words)[:count]
        assert list(after.deprel) == list(before.deprel)[:count]
        expected = [head if head <= count else 0 for head in list(before.head)[:count]]
        assert list(after.head) == expected
        assert len(tokenizer(" ".join(after.words))["input_ids"]) <= 12
        if count < len(before.words):
            shorter += 1
            assert len(tokenizer(" ".join(before.words[: count + 1]))["input_ids"]) > 12
    assert 0 < shorter < len(corpus)
    settings = {"source": "x", "objective": "masked", "points": 30, "fisher_sentences": 2}
    _, left_out = measure_structure(model, tokenizer, corpus, **settings)
    _, whole = measure_structure(model, tokenizer, corpus, too_long="cut", **settings)
    in_reach = gold_edges(cut, "x")
    counts = np.bincount(in_reach.sentence, minlength=len(corpus))
    np.testing.assert_array_equal(whole["edges"], counts)
    assert whole["edges"].sum() > left_out["edges"].sum()
    assert whole["predictions"].sum() > left_out["predictions"].sum()
    pd.testing.assert_frame_equal(cut_sentences(corpus, tokenizer, None), corpus)


def test_sums_over_sentences_give_the_measures_back(measured, corpus):
    *_, rows, sentences = measured
    assert len(sentences) == len(corpus)
    for metric in ("uas", "uas_held_out", "offset_uas"):
        overall = sentences[metric].sum() / sentences["edges"].sum()
        assert overall == pytest.approx(value(rows, metric, relation=None), abs=1e-12)
    loss = sentences["loss"].sum() / sentences["predictions"].sum()
    assert loss == pytest.approx(value(rows, "loss"), abs=1e-12)


def test_loss_and_complexity_are_those_of_the_library(measured, corpus):
    kind, model, tokenizer, rows, sentences = measured
    words = list(corpus["words"])
    losses, counts = held_out_loss(model, tokenizer, words, objective=objective(kind), seed=3)
    np.testing.assert_array_equal(sentences["loss"], losses)
    np.testing.assert_array_equal(sentences["predictions"], counts)
    between = [
        (float(batch.weights[row].sum()), int(length))
        for batch in word_attention(model, tokenizer, words)
        for row, length in enumerate(batch.lengths)
    ]
    expected = sum(total for total, _ in between) / sum(length for _, length in between)
    assert value(rows, "attention_between_words") == pytest.approx(expected, rel=1e-5)
    assert value(rows, "weight_norm") == weight_norm(model)
    assert value(rows, "fisher_trace") > value(rows, "fisher_trace_error") > 0
    # So many points are drawn that whole sentences hold at least them.
    dimensions = rows[rows["metric"] == "intrinsic_dimension"].sort_values("layer")
    assert dimensions["layer"].tolist() == [0, 1, 2]
    assert dimensions["n"].between(60, 68).all()


def test_dimensions_of_all_words_are_those_of_their_vectors(corpus):
    model, tokenizer = build("bert")
    rows, _ = measure_structure(
        model, tokenizer, corpus, source="x", objective="masked", points=10**6, fisher_sentences=2
    )
    features = extract(model, tokenizer, corpus, dtype=torch.float32)
    expected = intrinsic_dimension(features.vectors[:, features.valid])
    found = rows[rows["metric"] == "intrinsic_dimension"].sort_values("layer")["value"]
    np.testing.assert_allclose(found, expected[np.isfinite(expected)], rtol=1e-12)


def test_sentences_too_long_for_the_model_count_nothing_and_the_rest_is_scored():
    model, tokenizer = build("bert", positions=12)
    corpus = random_corpus(np.random.default_rng(1), 30, longest=20, words=WORDS)
    _, sentences = measure_structure(
        model, tokenizer, corpus, source="x", objective="masked", points=30, fisher_sentences=2
    )
    encoded = tokenizer([" ".join(words) for words in corpus["words"]])["input_ids"]
    too_long = np.array([len(ids) > 12 for ids in encoded])
    assert 0 < too_long.sum() < len(corpus)
    left_out = sentences[too_long]
    assert (left_out[["edges", "uas", "loss", "predictions"]] == 0).all(axis=None)
    edges = gold_edges(corpus, "x")
    in_reach = np.bincount(edges.sentence, minlength=len(corpus))[~too_long]
    np.testing.assert_array_equal(sentences.loc[~too_long, "edges"], in_reach)


def test_a_corpus_without_heads_is_refused_by_name():
    model, tokenizer = build("bert")
    corpus = as_corpus([{"words": ["the", "cat"]}])
    with pytest.raises(CorpusError, match=r"raw\.parquet: .* no head and no deprel"):
        measure_structure(model, tokenizer, corpus, source="raw.parquet", objective="masked")


def test_a_model_that_gives_no_attention_is_refused(corpus):
    model, tokenizer = build("bert")
    forward = model.base_model.forward
    model.base_model.forward = lambda **given: forward(**{**given, "output_attentions": False})
    with pytest.raises(CheckpointError, match="gives no attention weights"):
        measure_structure(model, tokenizer, corpus, source="x", objective="masked")


def pairs_of(counts):
    """So many pairs for each paradigm; the third letter says its field."""
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {
                **{"paradigm": paradigm, "field": f"field {paradigm[2]}", "pair": number},
                "good": " ".join(generator.choice(WORDS, 5)),
                "bad": " ".join(generator.choice(WORDS, 5)),
            }
            for paradigm, count in counts.items()
            for number in range(count)
        ]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_capability_is_the_mean_over_pairs_then_over_paradigms(kind):
    model, tokenizer = build(kind, positions=40)
    pairs = pairs_of({"p-x": 6, "q-y": 2, "r-x": 4})
    pairs.loc[3, "good"] = " ".join(["cat"] * 60)
    rows, by_pair = measure_capability(model, tokenizer, pairs, objective=objective(kind))
    check(rows.assign(**PLACE), SAS)
    assert set(by_pair.columns) | set(PLACE) == set(PAIR_COLUMNS)
    assert 3 not in by_pair.loc[by_pair["paradigm"] == "p-x", "pair"].tolist()
    means = by_pair.groupby("paradigm")["correct"].mean()
    for paradigm, mean in means.items():
        keys = {"paradigm": paradigm, "field": f"field {paradigm[2]}"}
        assert value(rows, "minimal_pair_accuracy", **keys) == mean
    of_field = value(rows, "minimal_pair_accuracy", paradigm=None, field="field x")
    assert of_field == pytest.approx((means["p-x"] + means["r-x"]) / 2)
    overall = value(rows, "minimal_pair_accuracy", paradigm=None, field=None)
    assert overall == pytest.approx(means.mean())


def test_pairs_are_drawn_for_each_paradigm_and_more_of_them_hold_the_fewer():
    pairs = pairs_of({"p-x": 50, "q-y": 20, "r-x": 3})
    few, more = drawn_pairs(pairs, 10, seed=1), drawn_pairs(pairs, 30, seed=1)
    assert few.groupby("paradigm").size().to_dict() == {"p-x": 10, "q-y": 10, "r-x": 3}
    assert more.groupby("paradigm").size().to_dict() == {"p-x": 30, "q-y": 20, "r-x": 3}
    keys = ["paradigm", "pair"]
    assert set(few[keys].itertuples(index=False)) < set(more[keys].itertuples(index=False))
    assert few.equals(drawn_pairs(pairs, 10, seed=1))
    assert not few.equals(drawn_pairs(pairs, 10, seed=2))
    assert drawn_pairs(pairs, 50, seed=3).equals(pairs)


def scores(relation, metric, score, n, **keys):
    return {"step": 5, "relation": relation, "metric": metric, "value": score, "n": n, **keys}


def test_the_head_shown_is_of_the_relation_in_which_attention_finds_most_beyond_distance():
    rows = []
    for relation, uas, held_out, offset, n, layer in (
        ("det", 0.9, 0.9, 0.9, 100, 1),  # distance does as well
        ("nsubj", 0.8, 0.7, 0.5, 50, 2),  # 10 words
        ("obj", 0.9, 0.3, 0.2, 90, 3),  # 9 words: chosen and scored on the same it would be 63
    ):
        at = {"layer": layer, "head": 4, "direction": DIRECTIONS[1]}
        rows.append(scores(relation, "uas", uas, n, **at))
        rows.append(scores(relation, "uas_held_out", held_out, n))
        rows.append(scores(relation, "offset_uas", offset, n))
    rows.append(scores(None, "uas", 1.0, 240))
    frame = pd.DataFrame(rows)
    other = frame.assign(step=9, value=0.0)
    found = best_head(pd.concat([frame, other]), 5)
    assert found == Head("nsubj", 2, 4, DIRECTIONS[1])
    with pytest.raises(TableError, match="no relation was scored at step 7"):
        best_head(frame, 7)


def test_the_sentence_shown_has_most_edges_of_the_relation_and_room_in_a_figure():
    def sentence(length, *deprel):
        names = [*deprel, *["dep"] * (length - len(deprel))]
        return {"words": ["w"] * length, "head": [0] * length, "deprel": names}

    unparsed = {"words": ["w"] * 8}
    rows = [unparsed, sentence(20, *["obj"] * 3), sentence(8, "obj"), sentence(9, "obj", "obj")]
    corpus = as_corpus(rows)
    assert len(shown_sentence(corpus, "obj")["words"]) == 9
    assert len(shown_sentence(corpus.iloc[:2], "obj")["words"]) == 20
    with pytest.raises(CorpusError, match="no sentence has an edge of relation nsubj"):
        shown_sentence(corpus, "nsubj")


def test_an_attention_map_holds_the_words_and_the_weights_between_them():
    corpus = random_corpus(np.random.default_rng(5), 30, words=WORDS)
    sentence = shown_sentence(corpus, "obj")
    checkpoints = [(step, *build("bert", deviation=d)) for step, d in ((0, 0.1), (8, 0.5))]
    rows = attention_map(checkpoints, sentence, Head("obj", 2, 3, DIRECTIONS[0]))
    check(rows.assign(run="mine", corpus="here", seed=0), ATTENTION)
    words = list(sentence["words"])
    for step, model, tokenizer in checkpoints:
        (batch,) = word_attention(model, tokenizer, [words])
        at_step = rows[rows["step"] == step]
        found = at_step.pivot(index="from", columns="to", values="value").to_numpy()
        np.testing.assert_allclose(found, batch.weights[0, 1, 2].numpy(), rtol=1e-6)
        first = at_step.drop_duplicates("from").sort_values("from")
        assert first["from_word"].tolist() == words
        assert first["gold_head"].tolist() == list(sentence["head"])
        assert first["gold_relation"].tolist() == list(sentence["deprel"])
    model, tokenizer = build("bert", positions=len(words))
    with pytest.raises(CheckpointError, match="step 3: the model can't read"):
        attention_map([(3, model, tokenizer)], sentence, Head("obj", 1, 1, DIRECTIONS[0]))
