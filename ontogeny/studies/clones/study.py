"""The study of clones, declared."""

from collections.abc import Callable, Iterable, Iterator

from ontogeny.planning.layout import studied_pairs, studied_steps
from ontogeny.planning.samplers import unfit_samplers
from ontogeny.planning.study import Config, Figure, Joined, Milestones, Settings, Study
from ontogeny.runs.schedules import steps
from ontogeny.studies.clones import layout
from ontogeny.studies.clones.milestones import saturations
from ontogeny.studies.clones.panels import PANELS
from ontogeny.studies.clones.tables import CLONES as MEASURES
from ontogeny.studies.clones.tables import SENTENCES

FEWEST = 5  # checkpoints of a curve whose saturation is looked for


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterator[str]:
    runs = config["runs"]
    yield from unfit_samplers("samplers", settings["samplers"], runs, settings["longest"])
    for name in settings["runs"]:
        if name in runs and len(studied_steps(config, "clones", name)) < FEWEST:
            yield f"runs: {name} has fewer than {FEWEST} checkpoints, too few for a curve."
    if settings["hamiltonian"]:
        yield from _of_hamiltonian(settings["hamiltonian"], config)


def _of_hamiltonian(settings: Settings, config: Config) -> Iterator[str]:
    corpus = config["corpora"].get(settings["corpus"])
    if corpus is None:
        known = ", ".join(config["corpora"])
        yield f"hamiltonian.corpus: there is no corpus {settings['corpus']!r}; known are {known}."
    elif corpus["kind"] != "hamiltonian":
        yield (
            f"hamiltonian.corpus: {settings['corpus']} is of kind {corpus['kind']}; expected one "
            "of kind hamiltonian, whose orders are known."
        )
    if settings["width"] % settings["heads"]:
        yield f"hamiltonian.width: expected a multiple of its {settings['heads']} heads."
    if len(steps(settings["steps"])) < FEWEST:
        yield f"hamiltonian.steps: fewer than {FEWEST} are too few for a curve."


def _runs_of(config: Config) -> list[tuple[str, str]]:
    return studied_pairs(config, "clones")


def _figure(name: str, label: str, shown: Callable[[Config], list[tuple[str, str]]]) -> Figure:
    # What is trained on a Hamiltonian's sequences is no run of the configuration's.
    subcategory = "{trained} on {text}"
    return Figure(name, label, subcategory, (MEASURES,), ("trained", "text"), shown)


CLONES = Study(
    name="clones",
    title="Clones",
    tables=(Joined(MEASURES, layout.rows), Joined(SENTENCES, layout.sentences)),
    figures=(
        _figure("learning", "loss and optima", layout.of_hamiltonian),
        _figure("displacement", "layers move", layout.of_hamiltonian),
        _figure("curves", "loss on clones over training", _runs_of),
        _figure("three_steps", "loss by order at three steps", _runs_of),
        Figure("scores", "sampling", "{text}", (MEASURES,), ("text",), layout.corpora),
        Figure("sentences", "before and after", "{text}", (SENTENCES,), ("text",), layout.corpora),
    ),
    verdicts=layout.verdicts,
    judged=_runs_of,
    contradictions=_contradictions,
    milestones=Milestones((MEASURES,), saturations),
    panels=PANELS,
    question="Which order of interaction among tokens has been learned by when?",
)
