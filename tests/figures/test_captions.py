"""The captions of the report are valid, name what they show, and claim no result."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from ontogeny.results.claims import VERDICTS
from ontogeny.studies import STUDIES

REPORT = Path(__file__).parents[2] / "report"
CAPTIONS = sorted(REPORT.glob("*.rst"))
CONFIG = """
tier: toy
runs:
  b-run: {kind: local, path: "/data/{seed}/{step}", seeds: [3], steps: [0]}
  a-run: {kind: pretrain, architecture: bert, seeds: [0, 1]}
corpora:
  toyglish: {kind: grammar}
"""


def rendered(path):
    """The text of a caption as Snakemake renders it, and as html; any flaw is an error."""
    snakemake = SimpleNamespace(
        wildcards=SimpleNamespace(
            run="a-run", trained="a-run", corpus="toyglish", text="toyglish", vocabulary="200"
        ),
        params=SimpleNamespace(share=0.95),
        config=yaml.safe_load(CONFIG)
        | {"studies": {study.name: {} for study in STUDIES}}
        | {"checkout": str(REPORT.parent)},
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


@pytest.mark.parametrize(
    ("study", "figure"),
    [(study, figure) for study in STUDIES for figure in study.figures],
    ids=lambda part: part.name,
)
def test_each_figure_has_a_caption_that_names_what_it_is_of(study, figure):
    source = (REPORT / f"{study.name}_{figure.name}.rst").read_text()
    for wildcard in figure.wildcards:
        assert f"{{{{ snakemake.wildcards.{wildcard} }}}}" in source


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_verdicts_stand_only_where_they_are_explained(path):
    words = re.findall("|".join(VERDICTS), path.read_text())
    assert bool(words) == path.stem.startswith("claims")


def test_the_front_page_lists_runs_corpora_and_tier():
    text, html = rendered(REPORT / "workflow.rst")
    assert "- **a-run** (pretrain, bert),\n  seeds 0, 1\n- **b-run** (local),\n  seeds 3" in text
    assert "- **toyglish** (grammar)" in text
    assert "<strong>toy</strong>" in html
    for study in STUDIES:
        assert f"<strong>{study.title}</strong>: " in html
