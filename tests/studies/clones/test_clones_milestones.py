"""Saturations of the orders of interaction as the atlas reads them."""

import pandas as pd

from ontogeny.studies.clones.milestones import saturations
from ontogeny.studies.clones.tables import CLONES


def row(sampler=None, order=None, sweeps=None, value=100.0, **changes):
    keys = {key.name: None for key in CLONES.keys}
    keys |= {"part": "text", "run": "a", "corpus": "toyglish", "seed": 0, "sampler": sampler}
    keys |= {"order": order, "sweeps": sweeps, "metric": "saturation_step", "value": value}
    return keys | changes


def told(*rows):
    columns = [column.name for column in CLONES.columns]
    return saturations(pd.DataFrame(list(rows), columns=columns), {})


def test_each_clone_saturates_by_the_order_of_its_sampler_and_the_sentences_last():
    found = told(
        row(value=900.0),
        row("shallow", 3, 10, 200.0, layers=1),
        row("deep", None, 10, 800.0),
        row("shallow", 3, 10, 5.0, metric="loss"),
        row("shallow", 3, 10, 5.0, part="hamiltonian"),
    )
    assert found.set_index("milestone")["step"].to_dict() == {
        "loss saturates on the sentences": 900.0,
        "loss saturates on the clone of order 3 (shallow)": 200.0,
        "loss saturates on the clone of deep": 800.0,
    }
    assert set(found["kind"]) == {"saturation"}
    assert found["layer"].isna().all()


def test_of_a_samplers_clones_the_one_of_most_sweeps_counts():
    found = told(row("shallow", 3, 5, 100.0), row("shallow", 3, 20, 300.0))
    assert found["step"].tolist() == [300.0]
    assert told().empty
