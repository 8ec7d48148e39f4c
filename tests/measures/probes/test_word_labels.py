"""The word-label tasks: scores and answers against hand-worked and slowly counted ones."""

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.corpora.corpus import SCHEMA
from ontogeny.errors import CorpusError
from ontogeny.measures.probes import word_labels as library
from ontogeny.measures.probes.word_labels import ANSWER_COLUMNS, SCORE_COLUMNS, probe_word_labels
from ontogeny.results.tables import check
from ontogeny.studies.pushdown.tables import PUSHDOWN

TAGS = ("ADJ", "NOUN", "VERB")


def split(words, upos=None, entity=None):
    """Sentences from lists of lists; an annotation that is None stays null."""
    rows = [
        {
            "sentence_id": str(index),
            "document_id": "d",
            "words": sentence,
            "upos": None if upos is None else upos[index],
            "entity": None if entity is None else entity[index],
        }
        for index, sentence in enumerate(words)
    ]
    return pd.DataFrame(rows).reindex(columns=SCHEMA.names).astype(object).replace({np.nan: None})


def corpus(seed=0, sentences=(150, 60, 80), layers=3, width=16, told_in=(1,)):
    """Random sentences; each word's tag is linearly present in the layers `told_in` alone."""
    generator = np.random.default_rng(seed)
    directions = generator.normal(size=(3, width)) * 4
    frames, vectors, valid = {}, {}, {}
    for name, count in zip(("train", "dev", "test"), sentences, strict=True):
        lengths = generator.integers(1, 9, count)
        tags = [generator.integers(0, 3, length) for length in lengths]
        words = [[f"w{generator.zipf(1.4) % 400}" for _ in row] for row in tags]
        frames[name] = split(words, [[TAGS[tag] for tag in row] for row in tags])
        flat = np.concatenate(tags)
        features = generator.normal(size=(layers, len(flat), width))
        for layer in told_in:
            features[layer] += directions[flat]
        vectors[name] = torch.tensor(features, dtype=torch.float16)
        valid[name] = torch.tensor(generator.random(len(flat)) < 0.9)
    return vectors, valid, frames


def pick(scores, **keys):
    for name, key in keys.items():
        scores = scores[scores[name] == key]
    return scores


def test_a_tag_is_found_in_just_the_layer_in_which_it_was_planted():
    scores, _ = probe_word_labels(*corpus(), ["upos"], seed=0)
    found = pick(scores, subset="all", metric="accuracy").set_index("layer")["value"]
    assert found[1] > 0.95
    assert found[0] < 0.5
    assert found[2] < 0.5


def test_scores_keep_to_the_declaration_of_the_push_down_table():
    scores, answers = probe_word_labels(*corpus(), ["upos"], seed=0)
    assert list(scores.columns) == list(SCORE_COLUMNS)
    assert list(answers.columns) == list(ANSWER_COLUMNS)
    check(scores.assign(run="r", corpus="c", seed=0, step=0), PUSHDOWN)
    assert set(answers["subset"]) == {"all", "seen", "unseen"}


def test_accuracy_is_the_sum_of_the_answers():
    scores, answers = probe_word_labels(*corpus(), ["upos"], seed=0)
    sums = answers.groupby(["layer", "task", "subset"])[["correct", "n"]].sum()
    for row in pick(scores, metric="accuracy").itertuples():
        if row.subset == "ambiguous":
            continue
        total = sums.loc[(row.layer, row.task, row.subset)]
        assert row.n == total["n"]
        assert row.value == pytest.approx(total["correct"] / total["n"])


def test_numbers_of_words_are_those_of_a_slow_count():
    vectors, valid, frames = corpus()
    scores, answers = probe_word_labels(vectors, valid, frames, ["upos"], seed=0)
    readable = {name: iter(flags.tolist()) for name, flags in valid.items()}
    bears: dict[str, set[str]] = {}
    for words, tags in zip(frames["train"]["words"], frames["train"]["upos"], strict=True):
        for word, tag in zip(words, tags, strict=True):
            if next(readable["train"]):
                bears.setdefault(word, set()).add(tag)
    counts: dict[tuple[str, int], int] = {}
    for sentence, words in enumerate(frames["test"]["words"]):
        for word in words:
            if not next(readable["test"]):
                continue
            kinds = ["all", "seen" if word in bears else "unseen"]
            kinds += ["ambiguous"] if len(bears.get(word, ())) > 1 else []
            for kind in kinds:
                counts[kind, sentence] = counts.get((kind, sentence), 0) + 1
    for subset in ("all", "seen", "unseen", "ambiguous"):
        expected = {key[1]: n for key, n in counts.items() if key[0] == subset}
        numbers = pick(scores, subset=subset)["n"]
        assert set(numbers) == {sum(expected.values())}
        if subset != "ambiguous":
            for layer in range(3):
                rows = pick(answers, subset=subset, layer=layer)
                assert dict(zip(rows["sentence"], rows["n"], strict=True)) == expected


def test_majority_accuracy_is_that_worked_out_by_hand():
    # NOUN leads in training, VERB in test; one test word of five bears NOUN, and its type is seen.
    frames = {
        "train": split([["a", "b"], ["a"]], [["NOUN", "VERB"], ["NOUN"]]),
        "dev": split([["a"]], [["VERB"]]),
        "test": split([["a", "b", "c"], ["d", "e"]], [["NOUN", "VERB", "VERB"], ["X", "VERB"]]),
    }
    generator = torch.Generator().manual_seed(0)
    lengths = {"train": 3, "dev": 1, "test": 5}
    vectors = {name: torch.randn(1, n, 4, generator=generator) for name, n in lengths.items()}
    valid = {name: torch.ones(n, dtype=torch.bool) for name, n in lengths.items()}
    scores, _ = probe_word_labels(vectors, valid, frames, ["upos"], seed=0)
    majority = pick(scores, metric="majority_accuracy").set_index("subset")["value"]
    assert majority.to_dict() == pytest.approx({"all": 1 / 5, "seen": 1 / 2, "unseen": 0})


def test_control_accuracy_is_that_worked_out_by_hand(monkeypatch):
    # Vectors that say nothing leave a probe with the most frequent label of its training words.
    frames = {
        "train": split(
            [["a", "b", "a"], ["a", "c"], ["b", "b", "d"]], [["X", "Y", "X"], ["X", "Y"], None]
        ),
        "dev": split([["a"]], [["X"]]),
        "test": split([["a", "b", "d"], ["e", "a"]], [["X", "X", "Y"], ["Y", "X"]]),
    }
    # Three of five training words with a tag bear the control label 1, and so do three of five test
    # words. The words without a tag would tip the scales, and make a seen type of d.
    label = {"a": 1, "b": 0, "c": 0, "d": 1, "e": 0}

    def control_labels(types, labels, task, seed):
        assert types == len(label)
        assert labels.tolist() == [0, 1, 0, 0, 1, -1, -1, -1]  # those of train: X 0, Y 1
        return np.array([label[word] for word in sorted(label)])

    monkeypatch.setattr(library, "control_labels", control_labels)
    words = {name: int(frame["words"].map(len).sum()) for name, frame in frames.items()}
    vectors = {name: torch.zeros(1, n, 4) for name, n in words.items()}
    valid = {name: torch.ones(n, dtype=torch.bool) for name, n in words.items()}
    scores, _ = probe_word_labels(vectors, valid, frames, ["upos"], seed=0)
    control = pick(scores, metric="control_accuracy").set_index("subset")["value"]
    assert control.to_dict() == pytest.approx({"all": 3 / 5, "seen": 2 / 3, "unseen": 1 / 2})
    # The tag X is right for a, b and a.
    selectivity = pick(scores, metric="selectivity").set_index("subset")["value"]
    assert selectivity.to_dict() == pytest.approx({"all": 0, "seen": 1 / 3, "unseen": -1 / 2})


def test_a_probe_that_only_knows_word_types_has_selectivity_near_zero_and_control_near_one():
    # Tags are fixed by type, vectors are the type's own: tag and control are equally learnable.
    generator = np.random.default_rng(0)
    embedding = generator.normal(size=(12, 40))
    frames, vectors, valid = {}, {}, {}
    for name, count in (("train", 600), ("dev", 200), ("test", 200)):
        types = generator.integers(0, 12, count)
        frames[name] = split([[f"w{t}"] for t in types], [[TAGS[t % 3]] for t in types])
        vectors[name] = torch.tensor(embedding[types], dtype=torch.float32)[None]
        valid[name] = torch.ones(count, dtype=torch.bool)
    scores, answers = probe_word_labels(vectors, valid, frames, ["upos"], seed=3)
    values = pick(scores, subset="all").set_index("metric")["value"]
    assert values["accuracy"] > 0.99
    assert values["control_accuracy"] > 0.99
    assert values["selectivity"] == pytest.approx(values["accuracy"] - values["control_accuracy"])
    assert set(scores["subset"]) == {"all", "seen"}  # a subset without words has no row
    assert set(answers["subset"]) == {"all", "seen"}


def test_a_sentence_without_the_annotation_does_not_count():
    vectors, valid, frames = corpus()
    frames["test"].at[0, "upos"] = None
    scores, answers = probe_word_labels(vectors, valid, frames, ["upos"], seed=0)
    assert 0 not in set(answers["sentence"])
    first = len(frames["test"]["words"][0])
    assert set(pick(scores, subset="all")["n"]) == {int(valid["test"][first:].sum())}


def test_a_task_scores_the_same_with_and_without_other_tasks():
    vectors, valid, frames = corpus()
    for frame in frames.values():
        frame["entity"] = [["O"] * len(words) for words in frame["words"]]
    alone, _ = probe_word_labels(vectors, valid, frames, ["upos"], seed=0)
    both, _ = probe_word_labels(vectors, valid, frames, ["entity", "upos"], seed=0)
    same = pick(both, task="upos").reset_index(drop=True)
    np.testing.assert_allclose(same["value"], alone["value"], atol=0.01)
    entity = pick(both, task="entity", metric="accuracy")
    assert (entity["value"] == 1).all()


def test_probes_are_fitted_on_the_readable_words_of_train_and_dev_alone(monkeypatch):
    vectors, valid, frames = corpus()
    seen = []
    fit = library.fit

    def watched(*data, **settings):
        seen.extend(data)
        return fit(*data, **settings)

    monkeypatch.setattr(library, "fit", watched)
    probe_word_labels(vectors, valid, frames, ["upos"], seed=0)
    for name, (features, labels) in zip(("train", "dev"), (seen[:2], seen[2:]), strict=True):
        assert torch.equal(features, vectors[name][:, valid[name]])
        tags = np.concatenate([*frames[name]["upos"]])[valid[name].numpy()]
        assert [TAGS[label] for label in labels[0]] == tags.tolist()


def test_the_same_seed_gives_the_same_tables():
    first = probe_word_labels(*corpus(), ["upos"], seed=1)
    second = probe_word_labels(*corpus(), ["upos"], seed=1)
    for one, other in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_what_the_corpus_cannot_serve_is_refused_by_name():
    vectors, valid, frames = corpus()
    with pytest.raises(CorpusError, match="train: task deprel needs the column deprel"):
        probe_word_labels(vectors, valid, frames, ["upos", "deprel"], seed=0)
    nothing = valid | {"dev": torch.zeros_like(valid["dev"])}
    with pytest.raises(CorpusError, match=r"dev: no word that the model can read .* task upos"):
        probe_word_labels(vectors, nothing, frames, ["upos"], seed=0)
    shorter = vectors | {"test": vectors["test"][:, 1:]}
    with pytest.raises(CorpusError, match=r"test: features of .* expected the same number"):
        probe_word_labels(shorter, valid, frames, ["upos"], seed=0)
