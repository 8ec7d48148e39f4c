"""The claims about push-down, on heatmaps that bear them out and on heatmaps that don't."""

import numpy as np
import pandas as pd
import pytest
from planted_heatmaps import arriving, planted

from ontogeny.corpora.tasks import TASKS, WORD_LABEL_TASKS
from ontogeny.results.claims import CLAIM_COLUMNS, evaluate, read_claims, write_claims
from ontogeny.results.milestones import bootstrap_interval, crossed_weights
from ontogeny.studies.pushdown.answers import count_answers
from ontogeny.studies.pushdown.claim_statistics import PUBLISHED_ORDER
from ontogeny.studies.pushdown.claims import CLAIMS, TASK_NAMES
from ontogeny.studies.pushdown.resampling import resample

STEPS, LAYERS, SEEDS, SENTENCES = 14, 5, 3, 40
PER_TASK = [f"pushdown.1.{task}" for task in TASKS]
PER_TASK_UNSEEN = [f"pushdown.1.{task}.unseen" for task in TASKS if task in WORD_LABEL_TASKS]
OVERALL_UNSEEN = [f"pushdown.{number}.unseen" for number in ("2", "3", "4a", "4b")]
OVERALL = ["pushdown.2", "pushdown.3", "pushdown.4a", "pushdown.4b", "pushdown.5"]


def judged(heatmaps, draws=200, **details):
    """Evaluate all claims on planted heatmaps; a row for each claim, by its identifier."""
    scores, answers = planted(heatmaps, **details)
    maps = resample(scores, count_answers(answers), draws=draws, seed=0)
    return evaluate(CLAIMS, {(maps.run, maps.corpus): maps}, "toy").set_index("claim")


def noisy(heatmap, generator, seeds=SEEDS, above=0.005, below=0.04):
    """Give seeds and sentences their own deviations, smaller where the value is high.

    `heatmap` is (steps, layers), or (seeds, steps, layers) for seeds that differ otherwise too.
    """
    heatmap = np.asarray(heatmap, dtype=float)
    scale = np.where(heatmap > 0.8, above, below)
    by_seed = generator.normal(size=(1, seeds, *heatmap.shape[-2:])) * scale
    by_sentence = generator.normal(size=(SENTENCES, 1, 1, 1)) * 0.03
    return np.clip(heatmap + by_seed + by_sentence, 0, 1)


def arrivals(task, seed, late_first, published, delay):
    """Return at which place in the schedule each layer arrives: one after the other, in most seeds.

    In the second seed the first two arrive together, and two places in the order of tasks are
    changed round. What is delayed is so by a step more in the second seed, and less in the third.
    """
    place = PUBLISHED_ORDER[task]
    if seed == 1:
        place = {3: 4, 4: 3}.get(place, place)
    if delay:
        delay += (0, 1, -1)[seed]
    first = (place if published else 6 - place) + delay + 1 + np.arange(LAYERS)
    if seed == 1:
        first[0] = first[1]
    return first[::-1] if late_first else first


def pushed_down(generator, late_first=True, published=True, unseen_delay=2, alike=False, **noise):
    """All tasks, as published: the last layer first, in the published order, unseen types later.

    Seeds differ as `arrivals` says, or, `alike`, by noise alone.
    """
    heatmaps = {}
    for task in TASKS:
        subsets = {"all": 0, "seen": 0, "unseen": unseen_delay}
        for subset, delay in subsets.items() if task in WORD_LABEL_TASKS else [("all", 0)]:
            places = [
                arrivals(task, 0 if alike else seed, late_first, published, delay)
                for seed in range(SEEDS)
            ]
            heatmaps[task, subset] = noisy(arriving(places, STEPS), generator, **noise)
    return heatmaps


def borne_out_or_alike(found):
    """Most claims are replicated, and of the others all seeds agree to the last digit."""
    replicated = found["verdict"] == "replicated"
    return replicated.mean() > 0.5 and (found["low"] == found["high"])[~replicated].all()


def test_everything_planted_as_published_is_replicated():
    found = judged(pushed_down(np.random.default_rng(0)))
    of_unseen = PER_TASK_UNSEEN + OVERALL_UNSEEN
    assert list(found.index) == PER_TASK + OVERALL[:-1] + of_unseen + OVERALL[-1:]
    assert set(found["verdict"].drop(of_unseen)) == {"replicated"}
    assert borne_out_or_alike(found.loc[of_unseen])
    assert list(found.reset_index().columns) == [column.name for column in CLAIM_COLUMNS]


def test_everything_planted_the_other_way_round_is_not():
    heatmaps = pushed_down(
        np.random.default_rng(1), late_first=False, published=False, unseen_delay=-2
    )
    found = judged(heatmaps)
    for claim in ["pushdown.2", "pushdown.3", "pushdown.5"]:
        assert found.loc[claim, "verdict"] == "not replicated", claim
    # Lower layers first: the shallowest sufficient layer is 0 as soon as any suffices.
    assert found.loc["pushdown.2", "value"] == pytest.approx(1 / 8 / 3)  # layer 1 too, in one seed
    assert found.loc["pushdown.3", "value"] < -0.99
    assert found.loc["pushdown.5", "value"] == pytest.approx(-2 * LAYERS / STEPS)


def test_seeds_that_agree_at_every_step_decide_nothing_about_when_and_where():
    found = judged(pushed_down(np.random.default_rng(12), alike=True))
    timed = [*PER_TASK, "pushdown.2", "pushdown.3", "pushdown.5"]
    timed += [*PER_TASK_UNSEEN, "pushdown.2.unseen", "pushdown.3.unseen"]
    assert (found.loc[timed, "low"] == found.loc[timed, "high"]).all()
    assert set(found.loc[timed, "verdict"]) == {"insufficient data"}
    assert set(found.drop(timed)["verdict"]) == {"replicated"}  # of accuracies, which have noise


def test_what_pushes_down_for_types_never_seen_alone_is_told_apart():
    # All words are told in every layer from the first step on, but for the noise.
    heatmaps = pushed_down(np.random.default_rng(20))
    generator = np.random.default_rng(21)
    at_once = np.full((STEPS, LAYERS), 0.9)
    for task, subset in heatmaps:
        if subset != "unseen":
            heatmaps[task, subset] = noisy(at_once, generator)
    found = judged(heatmaps)
    assert borne_out_or_alike(found.loc[PER_TASK_UNSEEN + OVERALL_UNSEEN])
    assert "replicated" not in set(found.loc[[*PER_TASK, "pushdown.2"], "verdict"])
    named = found.loc[PER_TASK_UNSEEN + OVERALL_UNSEEN, "statement"]
    assert named.str.contains("never saw").all()


def rising(generator):
    """The shallowest sufficient layer climbs: what lower layers knew is lost there again."""
    heatmaps = np.full((SEEDS, STEPS, LAYERS), 0.4)
    for seed, step in np.ndindex(SEEDS, STEPS):
        heatmaps[seed, step, min((step + seed) // 2, LAYERS - 1) :] = 0.9
    return {(task, "all"): noisy(heatmaps, generator) for task in TASKS}


def test_a_layer_that_climbs_with_training_is_no_push_down():
    found = judged(rising(np.random.default_rng(2)))
    assert set(found.loc[PER_TASK, "verdict"]) == {"not replicated"}
    assert (found.loc[PER_TASK, "value"] > 0.9).all()


@pytest.mark.slow
def test_flat_heatmaps_decide_a_claim_no_more_often_than_chance():
    # All layers, steps and seeds alike but for noise: no trend, no order, no regions.
    generator = np.random.default_rng(3)
    flat = np.full((STEPS, LAYERS), 0.6)
    subsets = [(task, subset) for task in TASKS for subset in ("all", "seen", "unseen")]
    verdicts = []
    for _ in range(4):
        heatmaps = {key: noisy(flat, generator, seeds=5, below=0.02) for key in subsets}
        verdicts.append(judged(heatmaps, draws=60)["verdict"])
    verdicts = pd.concat(verdicts, axis=1)
    for decided in ("replicated", "not replicated"):
        assert (verdicts == decided).to_numpy().mean() < 0.1
    assert (verdicts.loc[OVERALL] == "undecided").to_numpy().mean() > 0.8


@pytest.mark.parametrize(
    ("behind", "verdict"), [(0, "insufficient data"), (1, "undecided")], ids=["alike", "by luck"]
)
def test_a_task_that_all_layers_learn_at_once_is_not_pushed_down(behind, verdict):
    # What is learned at all must not count as pushed down: before, no layer sufficed. By luck the
    # first layer is a step behind in one seed, and in another it forgets what it knew.
    at_once = np.where(np.arange(STEPS)[:, None] >= 5, 0.9, 0.4) * np.ones((SEEDS, 1, LAYERS))
    at_once[1, 5 : 5 + behind, 0] = 0.4
    at_once[2, STEPS - behind :, 0] = 0.4
    found = judged({(task, "all"): at_once for task in TASKS})
    assert set(found.loc[PER_TASK, "verdict"]) == {verdict}
    assert found.loc["pushdown.2", "value"] == pytest.approx(0.5 + behind / 8 / SEEDS)
    assert found.loc["pushdown.2", "verdict"] == verdict  # from 0.5 on: it touches


@pytest.mark.parametrize(
    ("seeds", "steps"), [(1, STEPS), (SEEDS, 2)], ids=["one seed", "two steps"]
)
def test_one_seed_or_two_steps_are_insufficient_data(seeds, steps):
    heatmaps = pushed_down(np.random.default_rng(4))
    cut = {key: values[:, :seeds, -steps:] for key, values in heatmaps.items()}
    found = judged(cut)
    assert set(found["verdict"]) == {"insufficient data"}
    assert set(found["seeds"]) == {seeds}


def test_a_run_whose_last_steps_alone_suffice_has_too_few_steps_for_a_trend():
    heatmap = arriving([[99, 99, STEPS - 1, STEPS - 2, STEPS - 3]] * SEEDS, STEPS)
    found = judged({("upos", "all"): heatmap})
    assert found.loc["pushdown.1.upos", "value"] == -1
    assert found.loc["pushdown.1.upos", "verdict"] == "insufficient data"


def test_a_draw_in_which_no_seed_has_a_trend_is_evidence_for_neither_side():
    # The first layer suffices at the last step, or not, as sentences are drawn: then none moves.
    heatmaps = np.full((SENTENCES, SEEDS, 4, 2), 0.9)
    heatmaps[:, :, :3, 0] = 0.3
    heatmaps[:, :, 3, 0] = np.linspace(0.75, 0.99, SENTENCES)[:, None]
    found = judged({("upos", "all"): heatmaps}).loc["pushdown.1.upos"]
    assert found["value"] == found["low"] < -0.7
    assert found["high"] == 0
    assert found["verdict"] == "undecided"


def test_tasks_and_subsets_that_were_not_probed_get_no_verdict():
    generator = np.random.default_rng(5)
    heatmaps = pushed_down(generator)
    few = {key: heatmaps[key] for key in [("upos", "all"), ("entity", "all"), ("deprel", "all")]}
    found = judged(few)
    probed = ["pushdown.1.upos", "pushdown.1.entity", "pushdown.1.deprel"]
    assert list(found.index) == [*probed, *OVERALL]
    assert found.loc["pushdown.3", "value"] == 1
    for claim in ("pushdown.3", "pushdown.5"):  # three tasks, and no unseen types
        assert found.loc[claim, "verdict"] == "insufficient data"
    for end in ("value", "low", "high"):
        assert np.isnan(found.loc["pushdown.5", end])


def test_a_task_without_any_gain_is_left_out_of_what_compares_tasks():
    heatmaps = pushed_down(np.random.default_rng(6))
    before = judged(heatmaps)
    heatmaps["entity", "all"] = np.full((SEEDS, STEPS, LAYERS), 0.2)  # below the baseline
    heatmaps["entity", "all"] = np.broadcast_to(
        heatmaps["entity", "all"], (SENTENCES, SEEDS, STEPS, LAYERS)
    )
    after = judged(heatmaps)
    assert after.loc["pushdown.1.entity", "verdict"] == "insufficient data"
    assert after.loc["pushdown.3", "value"] == before.loc["pushdown.3", "value"] == 1


def test_first_sufficient_layers_have_the_mean_place_worked_out_by_hand():
    # Layers 3 and 4 of 0 to 4 at first: places 3/4 and 4/4. The other seed: layer 2 alone, 2/4.
    heatmap = arriving([[9, 8, 7, 5, 5], [9, 8, 4, 5, 6]], STEPS)
    found = judged({("upos", "all"): heatmap}).loc["pushdown.2"]
    assert found["value"] == pytest.approx((7 / 8 + 1 / 2) / 2)
    assert (found["low"], found["high"]) == pytest.approx((1 / 2, 7 / 8))
    assert found["verdict"] == "undecided"


def test_regions_differ_by_what_was_planted():
    # Baseline 0.3, best 0.9: above the boundary the way is gone, below it 1/6 of it, in each seed.
    heatmap = np.stack([arriving([[9, 7, 5, 3, 2]], STEPS)[0]] * 3)
    spread = np.where(heatmap < 0.9, heatmap + np.array([0.03, 0, -0.03])[:, None, None], heatmap)
    found = judged({("upos", "all"): spread})
    accuracy, variation = found.loc["pushdown.4a"], found.loc["pushdown.4b"]
    assert accuracy["value"] == pytest.approx(5 / 6)
    assert variation["value"] == pytest.approx(0.03 / 0.6)
    assert accuracy["verdict"] == variation["verdict"] == "replicated"
    two = judged({("upos", "all"): spread[:2]})
    assert two.loc["pushdown.4a", "verdict"] == "replicated"
    assert two.loc["pushdown.4b", "verdict"] == "insufficient data"


def test_spread_is_that_of_the_seeds_written_out_draw_by_draw():
    generator = np.random.default_rng(11)
    seeds, draws = 4, 60
    heatmap = np.stack([arriving([[9, 7, 5, 3, 2]], STEPS)[0]] * seeds)
    noise = generator.normal(scale=0.08, size=heatmap.shape)
    heatmap = np.round(np.clip(heatmap + noise, 0, 1), 3)
    found = judged({("upos", "all"): heatmap}, draws=draws).loc["pushdown.4b"]
    slow = []
    for counts in crossed_weights(seeds, 3, draws, np.random.default_rng(0))[0]:
        drawn = np.maximum(np.repeat(heatmap, counts, axis=0) - 0.3, 0)
        mean = drawn.mean(axis=0)
        below, above = [], []
        for step, layer in np.ndindex(mean.shape):
            suffices = mean[step] >= 0.95 * mean.max()
            region = above if suffices[: layer + 1].any() else below
            region.append(np.var(drawn[:, step, layer], ddof=1))
        if len(set(map(bytes, drawn))) > 1:
            slow.append((np.sqrt(np.mean(below)) - np.sqrt(np.mean(above))) / mean.max())
    low, high = bootstrap_interval(np.array(slow))
    assert list(found[["value", "low", "high"]]) == pytest.approx([slow[0], low, high])


def test_seeds_that_differ_above_the_boundary_and_agree_below_refute_the_spread():
    heatmaps = pushed_down(np.random.default_rng(7), alike=True, above=0.02, below=0.001)
    found = judged(heatmaps)
    assert found.loc["pushdown.4b", "value"] < 0
    assert found.loc["pushdown.4b", "verdict"] == "not replicated"
    assert found.loc["pushdown.4a", "verdict"] == "replicated"


def test_accuracy_of_a_noisy_plain_is_no_region():
    # Were the boundary drawn from a seed's own values, the cells above it would be high by choice.
    generator = np.random.default_rng(8)
    values = []
    for _ in range(20):
        heatmap = 0.6 + generator.normal(scale=0.02, size=(SEEDS, STEPS, LAYERS))
        values.append(judged({("upos", "all"): heatmap}, draws=5).loc["pushdown.4a", "value"])
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_unseen_types_are_later_by_the_layers_and_steps_they_lag():
    heatmaps = pushed_down(np.random.default_rng(9), unseen_delay=2)
    found = judged(heatmaps).loc["pushdown.5"]
    # A lag of two steps moves the staircase two of its five treads; the step it fell down stays.
    assert found["value"] == pytest.approx(2 * LAYERS / STEPS)
    assert found["verdict"] == "replicated"


def test_verdicts_are_the_same_each_time_and_survive_the_file(tmp_path):
    heatmaps = pushed_down(np.random.default_rng(10))
    for name in ("one", "two"):
        write_claims(judged(heatmaps).reset_index(), tmp_path / f"{name}.tsv")
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
    assert len(read_claims(tmp_path / "one.tsv")) == len(CLAIMS)


def test_every_task_is_claimed_once_and_has_a_published_place():
    assert set(TASK_NAMES) == set(PUBLISHED_ORDER) == set(TASKS)
    assert (
        len({claim.id for claim in CLAIMS})
        == len(CLAIMS)
        == len(TASKS + WORD_LABEL_TASKS) + len(OVERALL + OVERALL_UNSEEN)
    )
