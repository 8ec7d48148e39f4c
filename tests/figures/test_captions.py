"""The captions of the report are valid, name what they show, and claim no result."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from ontogeny.results.claims import VERDICTS
from ontogeny.studies.pushdown.figures import FIGURES
from ontogeny.studies.strategies.figures import FIGURES as STRATEGIES_FIGURES

REPORT = Path(__file__).parent.parent / "report"
CAPTIONS = sorted(REPORT.glob("*.rst"))
CONFIG = """
tier: toy
runs:
  b-run: {kind: local, path: "/data/{seed}/{step}", seeds: [3], steps: [0]}
  a-run: {kind: pretrain, architecture: bert, seeds: [0, 1]}
corpora:
  toyglish: {kind: grammar}
studies:
  pushdown: {}
  strategies: {}
  sas: {}
"""


def rendered(path):
    """The text of a caption as Snakemake renders it, and as html; any flaw is an error."""
    snakemake = SimpleNamespace(
        wildcards=SimpleNamespace(run="a-run", corpus="toyglish", vocabulary="200"),
        params=SimpleNamespace(share=0.95),
        config=yaml.safe_load(CONFIG),
    )
    # As Snakemake sets it up, but strict: an undefined name would leave a hole in a sentence.
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    if path.stem == "workflow":
        environment.undefined = Environment().undefined  # it asks which keys a run has
    text = environment.from_string(path.read_text()).render(snakemake=snakemake)
    html = publish_parts(text, writer="html", settings_overrides={"halt_level": 1})
    return text, html["html_body"]


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_a_caption_is_valid_and_has_no_holes(path):
    text, html = rendered(path)
    assert "{" not in text
    assert "None" not in text
    assert "system-message" not in html


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_of_the_study_has_a_caption_that_names_run_and_corpus(name):
    text, _ = rendered(REPORT / f"pushdown_{name}.rst")
    assert "a-run" in text
    assert "toyglish" in text


@pytest.mark.parametrize("name", STRATEGIES_FIGURES)
def test_each_figure_of_the_strategies_has_a_caption_that_names_the_task(name):
    text, _ = rendered(REPORT / f"strategies_{name}.rst")
    assert "Synthetic task" in text


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_verdicts_stand_only_where_they_are_explained(path):
    words = re.findall("|".join(VERDICTS), path.read_text())
    assert bool(words) == path.stem.startswith("claims")


def test_the_front_page_lists_runs_corpora_and_tier():
    text, html = rendered(REPORT / "workflow.rst")
    assert "- **a-run** (pretrain, bert),\n  seeds 0, 1\n- **b-run** (local),\n  seeds 3" in text
    assert "- **toyglish** (grammar)" in text
    assert "<strong>toy</strong>" in html
    for study in ("Push-down", "Strategies", "Syntactic attention"):
        assert f"- **{study}**: " in text
