"""The synthetic LSTMs: what is measured, and that company and interruptions don't matter."""

import numpy as np
import pandas as pd
import pytest
import torch
from random_lstms import slow_decomposition
from rule_settings import SETTINGS

from ontogeny.corpora.scaffolds import generate
from ontogeny.studies.interdependence import sweep as sweeping
from ontogeny.studies.interdependence.conditions import Member, contradictions, jobs, members
from ontogeny.studies.interdependence.rule_measures import instruments, measure
from ontogeny.studies.interdependence.sweep import initial_model, numbers, prepare_training, sweep

pytestmark = pytest.mark.slow

SOME = [
    Member("familiar", 3, 12, 0),
    Member("unfamiliar", 1, 12, 0),
    Member("unfamiliar", 3, 6, 1),
]
KEYS = ["setting", "scaffold_length", "rule_count", "seed", "step", "metric", "domain"]
KEYS += ["focus", "prefix", "sequential_distance"]


def trained(some, path, **changes):
    file = path / "rows.parquet"
    sweep(some, SETTINGS | changes, measurements=file, working=path / "working")
    assert not (path / "working").exists()
    return pd.read_parquet(file)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return trained(SOME, tmp_path_factory.mktemp("sweep"))


def test_members_are_the_product_and_the_other_rule_counts_where_scaffolds_are_unfamiliar():
    every = members(SETTINGS)
    assert len(every) == 4 * 2 * 2 + 2 * 2
    assert {m.setting for m in every if m.rule_count == 6} == {"unfamiliar"}
    assert [m for job in jobs(SETTINGS | {"runs_per_job": 7}) for m in job] == every


def test_each_member_is_measured_at_each_step_once(rows):
    assert not rows.duplicated(KEYS).any()
    counts = rows.groupby(["setting", "scaffold_length", "rule_count", "seed", "step"]).size()
    assert len(counts) == len(SOME) * 3
    for (_, k, *_), count in counts.items():
        # In two domains: everything, scaffold and k + 1 prefixes; DI; k + 1 gradients.
        assert count == 2 * ((2 + k + 1) + 1 + (k + 1))


def test_a_member_does_not_depend_on_its_company(rows, tmp_path):
    alone = trained(SOME[2:], tmp_path)
    same = rows.merge(alone, on=KEYS, suffixes=("", "_alone"))
    assert len(same) == len(alone)
    np.testing.assert_allclose(same["value"], same["value_alone"], rtol=1e-4)


def test_measures_do_not_depend_on_how_many_fit_into_memory(rows, tmp_path, monkeypatch):
    monkeypatch.setattr("ontogeny.studies.interdependence.rule_measures.LARGEST", 1)
    few = trained(SOME, tmp_path).merge(rows, on=KEYS, suffixes=("", "_together"))
    assert len(few) == len(rows)
    np.testing.assert_allclose(few["value"], few["value_together"], rtol=1e-9)


def test_a_sweep_that_was_interrupted_goes_on_to_the_same_bytes(rows, tmp_path, monkeypatch):
    measured, calls = sweeping.measure, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measured(*arguments)

    monkeypatch.setattr(sweeping, "measure", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(SOME, tmp_path)
    monkeypatch.setattr(sweeping, "measure", measured)
    assert (tmp_path / "working" / "state.safetensors").exists()
    pd.testing.assert_frame_equal(trained(SOME, tmp_path), rows)


def test_training_is_plain_sgd_through_the_corpus_with_its_state_carried():
    member = SOME[0]
    corpus = generate(member.corpus(SETTINGS), numbers(member, "corpus"))
    device = torch.device("cpu")
    training = prepare_training([member], [corpus], SETTINGS, device)
    training.run(9)  # 59 inputs a stream, 10 in a window: a new reading begins after 5
    own = initial_model(member.corpus(SETTINGS).vocabulary, 5, 0)
    optimiser = torch.optim.SGD(own.parameters(), lr=1.0)
    text, state = torch.from_numpy(corpus.tokens), None
    for update in range(9):
        at = update % 5 * 10
        state = None if at == 0 else tuple(part.detach() for part in state)
        found = own(text[:, at : at + 10], state=state)
        state = found.state
        following = text[:, at + 1 : at + 11].flatten()
        torch.nn.functional.cross_entropy(found.logits.flatten(0, 1), following).backward()
        torch.nn.utils.clip_grad_norm_(own.parameters(), 0.25)
        optimiser.step()
        optimiser.zero_grad()
    for name, values in own.named_parameters():
        torch.testing.assert_close(training.stack.parameters[name][0], values.detach())


@torch.no_grad()
def test_measures_equal_a_slow_version_text_by_text():
    corpora = [generate(m.corpus(SETTINGS), numbers(m, "corpus")) for m in SOME]
    tests = instruments(SOME, corpora, SETTINGS)
    models = [initial_model(10, 5, seed).double() for seed in range(3)]
    for model in models:  # weights large enough for contributions that differ
        for values in model.parameters():
            values.data.uniform_(-1, 1)
    stacked = {
        name: torch.stack([dict(model.named_parameters())[name] for model in models])
        for name, _ in models[0].named_parameters()
    }
    found = measure(stacked, tests)
    for model, test in zip(models, tests, strict=True):
        member, k = test.member, test.member.scaffold_length
        own = found[(found[list(member.keys())] == pd.Series(member.keys())).all(axis=1)]
        lstm = torch.nn.LSTM(5, 5, batch_first=True, dtype=torch.float64)
        recurrence = model.lstm.recurrence
        for name, values in recurrence.named_parameters():
            getattr(lstm, name).data.copy_(values)
        for domain, texts in zip(("in", "out"), test.texts, strict=True):
            rows = own[own["domain"] == domain]
            alpha, tokens = 2, 2 + 1 + k
            assert (texts[:, alpha] == test.corpus.opening).all()
            expected = {"alpha": [], "both": [], "scaffold": [], "depends": []}
            for text in texts:
                inputs = model.lstm.embedding(text).detach()
                parts = [
                    slow_decomposition(lstm, inputs, [t in words for t in range(tokens)])[0][0, -1]
                    for words in ({alpha}, set(range(alpha, tokens)), set(range(alpha + 1, tokens)))
                ]
                for name, part in zip(expected, parts, strict=False):
                    logits = model.output.weight @ part
                    expected[name].append(logits.softmax(-1)[test.corpus.closing])
                one, both, other = parts
                expected["depends"].append((both - one - other).norm() / both.norm())
            prefixes = rows[rows["focus"] == "prefix"].set_index("prefix")["value"]
            got = {
                "alpha": prefixes[0],
                "both": prefixes[k],
                "scaffold": rows.loc[rows["focus"] == "scaffold", "value"].item(),
                "depends": rows.loc[rows["metric"] == "interdependence", "value"].item(),
            }
            for name, values in expected.items():
                assert got[name] == pytest.approx(float(torch.stack(values).mean())), name
            logits = model(texts).logits[:, -1]
            whole = rows.loc[rows["focus"] == "everything", "value"].item()
            probability = logits.softmax(-1)[:, test.corpus.closing].mean()
            assert whole == pytest.approx(float(probability))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tokens": 40}, "tokens: is 40, and scaffolds of 3 can't be placed"),
        ({"tokens": 241}, "tokens: is 241; expected a multiple of batch_size"),
        ({"phrases": 5}, "phrases: is 5; expected a divisor"),
        ({"types": 2}, "phrases: is 3, but 2 types make only 2"),
        ({"sequence_length": 60}, "sequence_length: is 60; expected fewer than the 60"),
        ({"steps": [4, 2]}, "steps: 2 comes after 4"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(changes, fault):
    assert any(said.startswith(fault) for said in contradictions(SETTINGS | changes))
    assert not list(contradictions(SETTINGS))
