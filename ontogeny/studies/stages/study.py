"""The study of stages, declared."""

from collections.abc import Callable, Iterable, Iterator

from ontogeny.planning.layout import studied_steps
from ontogeny.planning.study import Config, Figure, Joined, Milestones, Settings, Study
from ontogeny.planning.suggestions import suggest
from ontogeny.results.tables import Table
from ontogeny.runs.schedules import steps
from ontogeny.studies.stages import layout
from ontogeny.studies.stages.milestones import boundaries
from ontogeny.studies.stages.panels import PANELS
from ontogeny.studies.stages.tables import BOUNDARIES, CALIBRATION, FORMS, TRACES
from ontogeny.studies.stages.tables import STAGES as MEASURES

# Causal ones with attention are described whole, masked ones by their geometry alone.
DESCRIBED = ("attention_only", "gpt", "bert")
FEWEST = 8  # checkpoints that smoothing needs, and draws that the diagnostics need


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterator[str]:
    for name in settings["runs"]:
        run = config["runs"].get(name)
        if run is None:
            continue
        if name == layout.REGRESSION:
            yield f"runs: {name} is what regression is called in tables; give the run another name."
        if run.get("architecture", DESCRIBED[0]) not in DESCRIBED:
            yield (
                f"runs: {name} is {run['architecture']}; chains sample models with attention: "
                f"{', '.join(DESCRIBED)}."
            )
        number = len(studied_steps(config, "stages", name))
        if number < FEWEST:
            yield (
                f"runs: {name} has {number} checkpoints to measure; expected at least {FEWEST}, "
                "which smoothing needs."
            )
    yield from _contradictions_by_run(settings, config)
    if settings["regression"]:
        number = len(steps(settings["regression"]["steps"]))
        if number < FEWEST:
            yield (f"regression.steps: are {number}; expected at least {FEWEST}, for smoothing.")
    for key, chains in (
        ("chains", settings["chains"]),
        ("regression.chains", (settings["regression"] or {}).get("chains", {})),
        *((f"by_run.{name}.chains", own["chains"]) for name, own in settings["by_run"].items()),
    ):
        if chains.get("draws", FEWEST) < FEWEST:
            yield (
                f"{key}.draws: is {chains['draws']}; expected at least {FEWEST}: neither R-hat "
                "nor an effective sample size can be computed of fewer."
            )


def _contradictions_by_run(settings: Settings, config: Config) -> Iterator[str]:
    for name, own in settings["by_run"].items():
        if name not in settings["runs"]:
            yield f"by_run: {name} isn't one of the study's runs{suggest(name, settings['runs'])}"
        for corpus in own.get("corpora", ()):
            if corpus not in config["corpora"]:
                known = suggest(corpus, list(config["corpora"]))
                yield f"by_run.{name}.corpora: there is no corpus {corpus!r}{known}"


def _figure(
    name: str,
    label: str,
    *reads: Table,
    shown: Callable[[Config], list[tuple[str, str]]] = layout.pairs,
) -> Figure:
    # Regression is no run of the configuration's, and has no corpus.
    return Figure(name, label, "{trained} on {text}", reads, ("trained", "text"), shown)


STAGES = Study(
    name="stages",
    title="Stages",
    question=(
        "Which stages does a training go through, by the geometry of its loss and of its "
        "function alone?"
    ),
    panels=PANELS,
    tables=(
        Joined(MEASURES, lambda config: layout.all_measured(config, "measures")),
        Joined(BOUNDARIES, lambda config: layout.judged(config, "boundaries.parquet")),
        Joined(CALIBRATION, layout.calibrations),
        Joined(TRACES, lambda config: layout.all_measured(config, "traces")),
        Joined(FORMS, lambda config: layout.all_measured(config, "forms")),
    ),
    figures=(
        _figure("coefficient", "loss and learning coefficient", MEASURES, BOUNDARIES),
        _figure(
            "refined",
            "learning coefficients of layers and heads",
            MEASURES,
            BOUNDARIES,
            shown=layout.refined_pairs,
        ),
        _figure("dynamics", "essential dynamics", MEASURES, BOUNDARIES, FORMS),
        _figure("forms", "tokens whose loss forms move", FORMS),
        _figure("behaviour", "what stages are made of", MEASURES, BOUNDARIES),
        _figure("calibration", "step size and localisation", CALIBRATION),
        _figure("traces", "traces of chains", TRACES, MEASURES),
    ),
    verdicts=lambda config: layout.judged(config, "claims.tsv"),
    judged=layout.studied,
    contradictions=_contradictions,
    figure_settings=lambda config, _: {"bandwidth": config["studies"]["stages"]["bandwidth"]},
    milestones=Milestones((BOUNDARIES, MEASURES), boundaries),
    reads_attention=True,
)
