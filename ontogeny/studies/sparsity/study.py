"""The study of sparsity, declared."""

from collections.abc import Iterable, Iterator

from ontogeny.planning.layout import joined, studied_pairs
from ontogeny.planning.study import Config, Figure, Joined, Milestones, Need, Settings, Study
from ontogeny.results.tables import Table
from ontogeny.runs.tables import LOSS
from ontogeny.studies.sparsity.milestones import half_way_points
from ontogeny.studies.sparsity.panels import PANELS
from ontogeny.studies.sparsity.tables import SPARSITY as CORRELATIONS
from ontogeny.studies.sparsity.tables import WORDS


def pairs(config: Config) -> list[tuple[str, str]]:
    """Return the runs and corpora that are measured together."""
    return studied_pairs(config, "sparsity")


def _needs(settings: Settings, corpus: str) -> Iterator[Need]:
    yield Need("classes of words", "upos", "Leave the corpus out")


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterator[str]:
    corpora, named = config["corpora"], settings["frequencies"] or []
    for name in named:
        if name not in corpora:
            yield f"frequencies: there is no corpus {name!r}; known are {', '.join(corpora)}."
    for name in settings["runs"]:
        run = config["runs"].get(name)
        if run is not None and run["kind"] != "pretrain" and not named:
            yield (
                f"runs: {name} isn't trained here, so its training text isn't known; name corpora "
                "whose training text gives the frequencies of words, as frequencies: [...]."
            )


def training_text(config: Config, run: str) -> list[str]:
    """Return the training splits in which words are counted for a run."""
    entry, named = config["runs"][run], config["studies"]["sparsity"]["frequencies"]
    own = entry.get("corpus", [])
    corpora = named or ([own] if isinstance(own, str) else own)
    return [f"results/corpora/{corpus}/train.parquet" for corpus in corpora]


def _figure(name: str, label: str, reads: tuple[Table, ...]) -> Figure:
    return Figure(name, label, "{run} on {corpus}", reads, ("run", "corpus"), pairs)


SPARSITY = Study(
    name="sparsity",
    title="Sparsity",
    question="Do a few units come to hold a prediction's error, for which words, and when?",
    panels=PANELS,
    tables=(
        Joined(CORRELATIONS, lambda config: joined(config, "sparsity", "correlations.parquet")),
        Joined(WORDS, lambda config: joined(config, "sparsity", "words.parquet")),
    ),
    figures=(
        _figure("words", "concentration of each word's gradient", (WORDS, LOSS)),
        _figure("frequency", "concentration and frequency", (CORRELATIONS, LOSS)),
        _figure("classes", "open and closed classes", (CORRELATIONS, LOSS)),
        _figure("final", "words of both classes at the end", (WORDS,)),
        _figure("indices", "other indices, and attention", (CORRELATIONS, LOSS)),
    ),
    verdicts=lambda config: joined(config, "sparsity", "claims.tsv"),
    judged=pairs,
    needs=_needs,
    contradictions=_contradictions,
    milestones=Milestones((WORDS,), half_way_points),
)
