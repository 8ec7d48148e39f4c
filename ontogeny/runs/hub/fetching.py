"""Checkpoints of the Hugging Face hub, brought here one by one and joined to a trajectory."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ontogeny.errors import CheckpointError, ConfigError, DownloadError
from ontogeny.files import atomic_path, link_or_copy
from ontogeny.runs.checkpoints.loading import check_weights
from ontogeny.runs.checkpoints.manifest import Entry, read_manifest, weights_sha256, write_manifest
from ontogeny.runs.checkpoints.model_configs import check_family, read_config
from ontogeny.runs.checkpoints.tokenizer_files import (
    TOKENIZER_FILES,
    TOKENIZER_PARTS,
    check_tokenizer,
)
from ontogeny.runs.checkpoints.weight_files import (
    PICKLE,
    PICKLE_INDEX,
    WEIGHTS,
    WEIGHTS_INDEX,
    count_parameters,
    read_header,
    weight_files,
)
from ontogeny.runs.hub.locations import Location

CONFIG = "config.json"
# The two forms of weights: in one file, the index of several, and their names.
FORMS = {
    "safetensors": (WEIGHTS, WEIGHTS_INDEX, re.compile(r"model-\d+-of-\d+\.safetensors")),
    "pickle": (PICKLE, PICKLE_INDEX, re.compile(r"pytorch_model-\d+-of-\d+\.bin")),
}


def fetch_checkpoint(
    location: Location,
    folder: str | os.PathLike[str],
    *,
    step: int,
    working: str | os.PathLike[str],
    tokenizer: str | None = None,
    weights: str = "safetensors",
    endpoint: str | None = None,
    attempts: int = 5,
    pause: float = 1.0,
) -> Entry:
    """Make `folder` the checkpoint that lies at a location; return its line of the manifest.

    Only config, weights and tokenizer are fetched: of weights the safetensors, or, where there are
    none or `weights` is `pickle`, the pickles, which are converted. `tokenizer` is a folder, or a
    repository of the hub, whose tokenizer stands in for one that the checkpoint lacks. `folder`
    also gets a `manifest.tsv` with the line, for `join_manifest`.

    Until all is there it lies in `working`, on the same file system at best, where another call
    after a killed one goes on. Files that huggingface_hub's cache has are linked, so that nothing
    lies on the disk twice; and it is asked alone if `HF_HUB_OFFLINE` is set. `attempts` and `pause`
    (seconds) are for faults that may pass; `endpoint` None means `HF_ENDPOINT`. Of several
    processes with the same `working` one goes first and the others wait.

    Raises `DownloadError` if a file can't be had or isn't the one that the hub tells of,
    `ConfigError` if `tokenizer` can't be looked for, and `CheckpointError` if the repository is no
    checkpoint: no config, weights or tokenizer, a pickle that holds more than tensors, a family
    that can't be measured (its weights aren't fetched). Files that make no checkpoint don't stay in
    `working`.
    """
    from huggingface_hub import constants

    from ontogeny.downloads import Patience, one_at_a_time
    from ontogeny.runs.hub.requests import Hub
    from ontogeny.runs.hub.snapshots import look_up

    hub = Hub(endpoint, Patience(attempts, pause))
    snapshot = look_up(location.repository, location.revision, hub)
    where = f"{location.repository}, revision {location.revision}"
    try:
        fetched, form = _needed(snapshot.names, weights, where)
        needs_tokenizer = not any(name in fetched for name in TOKENIZER_FILES)
        if needs_tokenizer and tokenizer is None:
            raise CheckpointError(
                f"{where}: has no tokenizer; expected one of {', '.join(TOKENIZER_FILES)}. Name a "
                "repository or a folder that has it (`tokenizer:` of the run)."
            )
    except CheckpointError as error:
        if snapshot.reached:
            raise
        raise DownloadError(
            f"{error} That is what the cache {constants.HF_HUB_CACHE} has of it; the hub can't be "
            "reached, or HF_HUB_OFFLINE forbids it."
        ) from error
    stand_in = tokenizer if needs_tokenizer else None
    working = Path(working)
    # A commit never changes. Whether it lacks a tokenizer can: the cache may not have all of it.
    place = working / f"{snapshot.commit}-{form}{'-without-tokenizer' if needs_tokenizer else ''}"
    with one_at_a_time(working, where):
        for leftover in working.glob("*"):
            if leftover != place:
                shutil.rmtree(leftover, ignore_errors=True)
        _gather(snapshot, fetched, form, place, stand_in, hub)
        digest = snapshot.file(WEIGHTS).digest if WEIGHTS in fetched else None
        # A large file's digest is the SHA-256 that its bytes were held against as they came.
        known = digest if digest is not None and len(digest) == 64 else weights_sha256(place)
        entry = Entry(step, location.repository, snapshot.commit, known, count_parameters(place))
        with atomic_path(folder) as scratch:
            scratch.mkdir()
            for file in sorted(place.iterdir()):  # not moved: a kill on the way loses nothing
                link_or_copy(file, scratch / file.name)
            write_manifest([entry], scratch)
        shutil.rmtree(working)
    return entry


def join_manifest(
    checkpoints: Iterable[str | os.PathLike[str]], folder: str | os.PathLike[str]
) -> tuple[Entry, ...]:
    """Write the manifest of the trajectory in `folder` from its checkpoints' own; return its lines.

    No weights are read. Raises `CheckpointError` if a checkpoint has no line.
    """
    entries = [entry for path in checkpoints for entry in read_manifest(path)]
    write_manifest(entries, folder)
    return tuple(sorted(entries, key=lambda entry: entry.step))


def _needed(names: Sequence[str], weights: str, where: str) -> tuple[list[str], str]:
    """Return those files of a repository that make up a checkpoint, and the form of its weights."""
    if CONFIG not in names:
        raise CheckpointError(f"{where}: has no {CONFIG}; it is no model of transformers.")
    forms = [weights, *(form for form in FORMS if form != weights)]
    for form in forms:
        single, index, shard = FORMS[form]
        chosen = [name for name in names if name == index or shard.fullmatch(name)]
        if single in names:
            chosen = [single]
        if single in names or index in names:
            tokenizer = [name for name in TOKENIZER_PARTS if name in names]
            return [CONFIG, *chosen, *dict.fromkeys(tokenizer)], form
    has = ", ".join(sorted(names))
    raise CheckpointError(f"{where}: has no weights; expected {WEIGHTS} or {PICKLE}, found {has}.")


def _gather(
    snapshot: Any, names: Sequence[str], form: str, place: Path, stand_in: str | None, hub: Any
) -> None:
    """Bring a checkpoint's files to `place`, convert them if need be, and check them."""
    from ontogeny.runs.hub.snapshots import fetch_file

    where = f"{snapshot.repository}, revision {snapshot.revision}"
    brought = set() if stand_in is None else _stand_in(stand_in, place, where, hub)
    converted = form == "pickle" and _is_converted(place)
    # Small files first: what they lack is found before the weights are waited for.
    for name in sorted(names, key=lambda name: snapshot.file(name).size or 0):
        if name not in brought and not (converted and _is_weights(name, form)):
            fetch_file(snapshot, snapshot.file(name), place / name, hub)
        if name == CONFIG:
            try:
                check_family(read_config(place), where)
            except CheckpointError:
                shutil.rmtree(place)
                raise
    try:
        if form == "pickle" and not converted:
            from ontogeny.runs.checkpoints.conversion import convert_checkpoint

            convert_checkpoint(place)
        for file in list(place.iterdir()):
            if file.suffix == ".part" or _is_weights(file.name, "pickle"):
                file.unlink()
        check_weights(place)
        check_tokenizer(place)
    except CheckpointError as error:
        # Else each further attempt would find the same files, damaged since they came perhaps.
        shutil.rmtree(place)
        raise CheckpointError(
            f"{error} What came of {where} was deleted; another run fetches it anew."
        ) from error


def _stand_in(tokenizer: str, place: Path, where: str, hub: Any) -> set[str]:
    """Bring the tokenizer that the configuration names to a checkpoint; return its files' names."""
    from ontogeny.runs.hub.snapshots import fetch_file, look_up

    place.mkdir(parents=True, exist_ok=True)
    # An earlier attempt may have brought another tokenizer, as links to a cache perhaps, through
    # which a copy would write.
    for name in TOKENIZER_PARTS:
        (place / name).unlink(missing_ok=True)
        (place / f"{name}.part").unlink(missing_ok=True)
    try:
        local = Path(tokenizer).expanduser()
        is_local = local.is_dir()
    except (RuntimeError, OSError) as error:  # ~ of a user there isn't, a name too long
        raise ConfigError(
            f"{where}: its stand-in tokenizer {tokenizer!r} can't be looked for ({error}). "
            "Correct `tokenizer` of the run."
        ) from error
    if is_local:
        check_tokenizer(local)
        names = {name for name in TOKENIZER_PARTS if (local / name).is_file()}
        for name in names:
            shutil.copyfile(local / name, place / name)
        return names
    try:
        snapshot = look_up(tokenizer, "main", hub)
        if not any(name in snapshot.names for name in TOKENIZER_FILES):
            raise CheckpointError(
                f"{tokenizer}: has no tokenizer; expected one of {', '.join(TOKENIZER_FILES)}. "
                "Correct `tokenizer` of the run."
            )
        names = {name for name in TOKENIZER_PARTS if name in snapshot.names}
        for name in sorted(names):
            fetch_file(snapshot, snapshot.file(name), place / name, hub)
        return names
    except DownloadError as error:
        raise DownloadError(f"{where}: its stand-in tokenizer: {error}") from error


def _is_weights(name: str, form: str) -> bool:
    single, index, shard = FORMS[form]
    return name in (single, index) or shard.fullmatch(name) is not None


def _is_converted(place: Path) -> bool:
    """Tell whether an earlier attempt converted the pickles, all of them."""
    try:
        for file in weight_files(place):
            read_header(file)
    except CheckpointError:
        return False
    return True
