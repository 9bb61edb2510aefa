"""The entities of a spaCy pipeline, for the search for names (`sentiment.privacy.names`). Needs the extra `names`.

A pipeline is read as data: from a package only its files are taken, none of its code is run, and a folder that holds
pickles is refused. spaCy and the pipeline are loaded at the first use.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiment.errors import ConfigurationError
from sentiment.model.directory import PICKLE_PATTERNS
from sentiment.privacy import Entity

_CONFIG = "config.cfg"
_TABLES = "lookups.bin"
"""Word tables of every pipeline, in msgpack."""
_PIECES_AT_ONCE = 64
_EXTRA = "pip install 'sentiment-pipeline[names]'"
_SETTING = "privacy.names_pipeline"


class SpacyNames:
    """A `Recogniser`. Threads take turns.

    Raises:
        ConfigurationError: spaCy is not installed, or there is no such pipeline. A pipeline that cannot be loaded or
            that finds no entities raises it at the first call.
    """

    def __init__(self, pipeline: str) -> None:
        if importlib.util.find_spec("spacy") is None:
            raise ConfigurationError("privacy.names needs spaCy, which is not installed", hint=_EXTRA)
        self._name = pipeline
        self._folder = _folder_of(pipeline)
        self._nlp: Any = None
        self._turn = threading.Lock()

    def __call__(self, pieces: Sequence[str]) -> list[list[Entity]]:
        """The entities of each piece. Without pieces, the pipeline is only loaded."""
        with self._turn:
            if self._nlp is None:
                self._nlp = _load(self._folder, self._name)
            with self._nlp.memory_zone():  # the vocabulary forgets the words of these texts
                return [
                    [(entity.start_char, entity.end_char, entity.label_) for entity in document.ents]
                    for document in self._nlp.pipe(pieces, batch_size=_PIECES_AT_ONCE)
                ]


def _folder_of(pipeline: str) -> Path:
    """The folder with the pipeline's configuration: the given one, or one in the package of this name."""
    if not pipeline:
        raise ConfigurationError(
            f"privacy.names is spacy, but {_SETTING} is empty", hint=f'name a pipeline: {_SETTING} = "en_core_web_md"'
        )
    folder = Path(pipeline).expanduser()
    found = [folder] if (folder / _CONFIG).is_file() else _folders_in_package(pipeline)
    if len(found) != 1:
        raise ConfigurationError(
            f"{_SETTING}: there is no spaCy pipeline {pipeline}",
            hint="name a folder that has a config.cfg, or install the package: python -m spacy download en_core_web_md",
        )
    return found[0]


def _folders_in_package(name: str) -> list[Path]:
    """Where an installed package has its pipeline. The package is not imported."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    places = [] if spec is None else spec.submodule_search_locations or []
    return [file.parent for place in places for file in sorted(Path(place).glob(f"*/{_CONFIG}"))]


def _load(folder: Path, name: str) -> Any:
    import spacy

    pickles = sorted({file.name for pattern in PICKLE_PATTERNS for file in folder.rglob(pattern)} - {_TABLES})
    if pickles:
        raise ConfigurationError(
            f"{_SETTING}: {name} holds pickles ({pickles[0]}), refused because loading them runs code from the file"
        )
    try:
        nlp = spacy.load(folder)
    except (ImportError, KeyError, OSError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigurationError(
            f"{_SETTING}: {name} cannot be loaded with spaCy {spacy.__version__}: {reason}",
            hint="install the version of the pipeline that is made for this spaCy",
        ) from None
    _keep_what_finds_entities(nlp, name)
    return nlp


def _keep_what_finds_entities(nlp: Any, name: str) -> None:
    """Switch off what a recogniser that was trained does not need, which takes most of the time."""
    finders = [pipe for pipe in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(pipe).assigns]
    if not finders:
        raise ConfigurationError(f"{_SETTING}: {name} has no component that finds entities")
    if any(nlp.get_pipe_meta(pipe).factory not in {"ner", "beam_ner"} for pipe in finders):
        return  # rules may look at what any of the others say
    read = [
        pipe for pipe in nlp.pipe_names if set(getattr(nlp.get_pipe(pipe), "listening_components", ())) & set(finders)
    ]
    nlp.select_pipes(enable=[*read, *finders])
