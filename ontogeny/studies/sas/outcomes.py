"""What trainings end in, run by run: a table for a page, from the table of the study.

`python -m ontogeny.studies.sas.outcomes results/tables/sas.parquet` prints it as Markdown.
"""

import sys
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ontogeny.results.tables import read_table
from ontogeny.studies.sas.figure_rows import last_step, of_all_words, overall_capability
from ontogeny.studies.sas.tables import SAS

OUTCOMES = {
    "loss": "loss (nats)",
    "uas_held_out": "UAS held out",
    "attention_between_words": "attention between words",
    "minimal_pair_accuracy": "accuracy on minimal pairs",
}


def outcomes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the last value of each of `OUTCOMES` in each run: mean over seeds, and its interval.

    `table` has rows of SAS; minimal pairs stand beside each corpus. The result has a row for each
    run, corpus and metric, with the columns `run`, `corpus`, `metric`, `seeds`, `value`, `low` and
    `high`: Student's t at 95%, NaN with one seed.
    """
    on_words = pd.concat([of_all_words(table, metric) for metric in list(OUTCOMES)[:-1]])
    on_pairs = overall_capability(table).drop(columns="corpus")
    places = on_words[["run", "corpus"]].drop_duplicates()
    rows = pd.concat([on_words, on_pairs.merge(places, on="run")])
    found = []
    for (run, corpus, metric), own in rows.groupby(["run", "corpus", "metric"]):
        values = last_step(own)["value"].to_numpy(dtype=float)
        reach = np.nan
        if len(values) > 1:
            error = values.std(ddof=1) / np.sqrt(len(values))
            reach = stats.t.ppf(0.975, len(values) - 1) * error
        mean = values.mean()
        found.append((run, corpus, metric, len(values), mean, mean - reach, mean + reach))
    names = ["run", "corpus", "metric", "seeds", "value", "low", "high"]
    return pd.DataFrame(found, columns=names)


def markdown(found: pd.DataFrame) -> str:
    """Return the result of `outcomes` as a Markdown table, a line for each run and corpus."""
    shown = {metric: name for metric, name in OUTCOMES.items() if metric in set(found["metric"])}
    lines = [
        f"| run | corpus | seeds | {' | '.join(shown.values())} |",
        "|---|---|---" + "|---" * len(shown) + "|",
    ]
    for (run, corpus), rows in found.groupby(["run", "corpus"]):
        by_metric = {row["metric"]: row for row in rows.to_dict("records")}
        cells = [_cell(by_metric[metric]) if metric in by_metric else "" for metric in shown]
        lines.append(f"| `{run}` | {corpus} | {rows['seeds'].max()} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[Hashable, Any]) -> str:
    if np.isnan(row["low"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


if __name__ == "__main__":
    print(markdown(outcomes(read_table(sys.argv[1], SAS))), end="")
