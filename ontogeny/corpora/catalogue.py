"""How the files of each known source make a corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ontogeny.corpora.corpus import SPLITS
from ontogeny.errors import ConfigError, CorpusError

MINIMAL_PAIRS = ("blimp",)

# The documents of GUM's official dev and test splits (github.com/amir-zeldes/gum, splits.md); all
# others are for training.
GUM_DEV = """
    academic_exposure academic_librarians bio_byron bio_emperor conversation_grounded
    conversation_risk court_loan essay_evolved fiction_beast fiction_lunre interview_cyclone
    interview_gaming letter_arendt news_homeopathic news_iodine podcast_wrestling
    speech_impeachment speech_inauguration textbook_governments textbook_labor vlog_portland
    vlog_radiology voyage_athens voyage_coron whow_joke whow_overalls
"""
GUM_TEST = """
    academic_discrimination academic_eegimaa bio_dvorak bio_jespersen conversation_lambada
    conversation_retirement court_mitigation essay_fear fiction_falling fiction_teeth
    interview_hill interview_libertarian letter_mandela news_nasa news_sensitive podcast_bezos
    speech_austria speech_newzealand textbook_chemistry textbook_union vlog_london vlog_studying
    voyage_oakland voyage_vavau whow_cactus whow_mice
"""


def expand(settings: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Return a corpus's settings with `source` replaced by the files that it names in `folder`.

    `folder` holds the downloaded sources, a folder for each. Settings without `source` come back
    as they are; of the others, what is set beside `source` (say `entities`) overrides the
    catalogue. Known are

    - `gum`: documents by the official splits, trees from `const/`, entities from `Entity=`;
    - `wikitext-2`: here only the held-out files are at hand, so `valid.txt` is for training and
      the documents of `test.txt` are halved into dev and test. Perplexities are not comparable
      with publications', which train on the training file;
    - any other name with `kind: conllu`: a Universal Dependencies treebank, its files
      `*-ud-{train,dev,test}.conllu`.

    Raises `ConfigError` if the source can't be a corpus of that kind or no folder is given,
    `CorpusError` if its files are absent.
    """
    if "source" not in settings:
        return dict(settings)
    source, kind = settings["source"], settings["kind"]
    if source in MINIMAL_PAIRS:
        raise ConfigError(
            f"source: {source} is a suite of minimal pairs, not a corpus; expected a treebank or "
            "a text."
        )
    expected = "text" if source == "wikitext-2" else "conllu"
    if kind != expected:
        raise ConfigError(f"source: {source} is of kind {expected}, not {kind}.")
    if folder is None:
        raise ConfigError(f"source: {source}, but no folder of downloaded sources was given.")
    within = Path(folder) / source
    if not within.is_dir():
        raise CorpusError(f"{within}: no such folder; download the source {source} first.")
    layout = {"gum": _gum, "wikitext-2": _wikitext}.get(source, _universal_dependencies)
    own = {key: value for key, value in settings.items() if key != "source"}
    return layout(within) | own


def minimal_pair_files(source: str, folder: Path) -> list[Path]:
    """Return the files of a minimal-pair source, one for each paradigm, by name.

    Raises `CorpusError` if there are none.
    """
    files = sorted((Path(folder) / source).glob("*.jsonl"))
    if not files:
        raise CorpusError(f"{Path(folder) / source}: no .jsonl files; download {source} first.")
    return files


def _universal_dependencies(folder: Path) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for split in SPLITS:
        found = sorted(folder.glob(f"*-ud-{split}.conllu"))
        if not found:
            raise CorpusError(
                f"{folder}: no file *-ud-{split}.conllu; expected a UD treebank with train, dev "
                "and test. Name the files of each split in the config instead."
            )
        files[split] = found
    return files


def _gum(folder: Path) -> dict[str, Any]:
    files: dict[str, Any] = {split: [] for split in SPLITS}
    split_of = {f"GUM_{name}": "dev" for name in GUM_DEV.split()}
    split_of |= {f"GUM_{name}": "test" for name in GUM_TEST.split()}
    for path in sorted((folder / "ud").glob("*.conllu")):
        files[split_of.get(path.stem, "train")].append(path)
    if not all(files.values()):
        raise CorpusError(
            f"{folder / 'ud'}: documents of only some of GUM's splits; expected all of them. "
            "Download the source gum again."
        )
    return files | {"constituents": folder / "const", "entities": "Entity"}


def _wikitext(folder: Path) -> dict[str, Any]:
    return {"train": folder / "valid.txt", "held_out": folder / "test.txt"}
