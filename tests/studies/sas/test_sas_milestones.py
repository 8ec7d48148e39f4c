"""Onsets as the atlas reads them."""

import pandas as pd

from ontogeny.studies.sas.milestones import found
from ontogeny.studies.sas.tables import ONSETS


def test_onsets_and_the_steepest_drop_are_milestones_and_second_opinions_are_not():
    rows = pd.DataFrame(
        [
            ("a", "ud", 0, "structure_onset", 200.0, 150.0, 250.0),
            ("a", "ud", None, "capability_onset", 800.0, 500.0, 990.0),
            ("a", "ud", 0, "loss_drop", 700.0, 600.0, 800.0),
            ("a", "ud", 0, "loss_drop_begins", 400.0, 400.0, 400.0),
            ("a", "ud", 0, "structure_change_point", 210.0, None, None),
            ("a", "ud", 0, "structure_rise", 0.3, 0.2, 0.4),
        ],
        columns=[column.name for column in ONSETS.columns],
    )
    told = found(rows, {})
    assert told["step"].tolist() == [200.0, 800.0, 700.0]
    assert told["kind"].tolist() == ["onset", "onset", "steepest"]
    assert told["low"].tolist() == [150.0, 500.0, 600.0]
