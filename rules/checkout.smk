"""Where the workflow's own files lie, the library among them, whichever workflow it is a module of."""

import os
import tarfile
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalSourceFile


def checkout(source):
    """Return the folder of the workflow's files, laid out here if Snakemake reads it from a host.

    By `github(...)` a module's rules, scripts and environments come one by one out of a clone that
    Snakemake keeps in its cache. The library and the default configuration are put beside it.
    """
    if isinstance(source, LocalSourceFile):
        return str(source)
    if not isinstance(source, HostingProviderFile):
        raise WorkflowError(
            f"{source}: the library can't be read from there. Name the Snakefile by its path in a "
            "checkout, or by github(...) or gitlab(...)."
        )
    repository = source.hosted_repo.repo
    commit = repository.commit(source.ref).hexsha
    folder = Path(workflow.sourcecache.cache_path) / "ontogeny" / commit
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            with tempfile.TemporaryFile() as archive:
                repository.archive(archive, commit, path=["config", "ontogeny"])
                archive.seek(0)
                tarfile.open(fileobj=archive).extractall(f"{scratch}/whole")
            try:
                os.rename(f"{scratch}/whole", folder)
            except OSError:
                if not folder.exists():  # else another process was first
                    raise
    return str(folder)
