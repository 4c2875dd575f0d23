"""A folder of pictures on this host: names found without regard to case, and nothing ever read outside of it."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.core.problems import ItemRefused, Misconfigured, Problem

LARGEST = 64 * 1024 * 1024
"""Bytes of the largest file that is read at all; shops take far less."""

EXTENSIONS = frozenset({"jpg", "jpeg", "jpe", "png", "gif", "webp", "avif", "bmp", "tif", "tiff"})
"""Endings of names that make a file a picture; any other file is a document."""

_TEXTS = {
    "picture_missing": (
        "Le fichier « %(file)s » n’est pas dans le dossier multimédia.",
        "Déposez le fichier dans ce dossier, ou corrigez son nom dans la fiche de l’article. Les images de la boutique"
        " n’ont pas été touchées.",
    ),
    "picture_outside": (
        "Le chemin « %(file)s » sort du dossier multimédia.",
        "Placez le fichier dans le dossier multimédia, et corrigez son chemin dans la fiche de l’article.",
    ),
    "picture_unreadable": (
        "Le fichier « %(file)s » ne peut pas être lu.",
        "Donnez à la plate-forme le droit de lire ce fichier, et vérifiez qu’il s’agit bien d’une image.",
    ),
    "picture_empty": (
        "Le fichier « %(file)s » est vide.",
        "Remplacez-le par l’image complète : la copie du fichier a sans doute échoué.",
    ),
    "picture_too_large": (
        "L’image « %(file)s » est trop lourde : %(size)s Mo, pour %(limit)s Mo au plus.",
        "Réduisez l’image. Les images de la boutique n’ont pas été touchées.",
    ),
}


def picture_refused(code: str, file: str, **values: str) -> ItemRefused:
    """The refusal of one picture, by its name. Raises ``KeyError`` for an unknown code."""
    sentence, advice = _TEXTS[code]
    return ItemRefused(Problem(code, sentence, advice, values={"file": file[:200], **values}))


def too_large(file: str, size: int, limit: int) -> ItemRefused:
    """The refusal of a picture of ``size`` bytes where ``limit`` are taken."""
    # Rounded up, so that the size told always exceeds the limit.
    told = f"{-(-size * 10 // 1_048_576) / 10:.1f}".replace(".", ",")
    return picture_refused("picture_too_large", file, size=told, limit=f"{limit / 1_048_576:g}".replace(".", ","))


@dataclass(frozen=True, slots=True)
class Located:
    """A file of the folder. ``source`` is its path inside, as the disk spells it."""

    source: str
    name: str
    size: int
    version: str


class MediaFolder:
    """One folder; may be used from several threads. What a folder held is remembered for the life of the object."""

    def __init__(self, path: str, *, local_files: Sequence[str] = ()) -> None:
        """``local_files``: folders of the host that profiles may open. Opens nothing yet."""
        self._given = path
        self._allowed = [Path(folder).resolve() for folder in local_files]
        self._root = Path(path).resolve()
        self._listed: dict[Path, dict[str, str]] = {}

    @property
    def name(self) -> str:
        """Name of the folder itself."""
        return self._root.name

    def require(self) -> None:
        """Raises ``Misconfigured``: ``media_folder_refused``, ``media_folder_missing``, ``media_folder_unreadable``."""
        if not any(self._root.is_relative_to(folder) for folder in self._allowed):
            raise _misconfigured("media_folder_refused", self._given)
        if not self._root.is_dir():
            raise _misconfigured("media_folder_missing", self._given)
        try:
            with os.scandir(self._root) as entries:
                next(entries, None)
        except OSError as error:
            raise _misconfigured("media_folder_unreadable", self._given, type(error).__name__) from error

    def files(self) -> Iterator[str]:
        """Names of the pictures directly inside, in no order."""
        for name in self._names(self._root).values():
            if is_picture(name):
                yield name

    def count(self, limit: int = 10_000) -> int:
        """How many pictures the folder holds with its subfolders; stops after ``limit`` files of any kind."""
        pictures = seen = 0
        for _, _, names in os.walk(self._root):
            pictures += sum(map(is_picture, names))
            seen += len(names)
            if seen >= limit:
                break
        return pictures

    def locate(self, parts: Sequence[str], told: str = "") -> Located:
        """The file these parts of a path lead to. Reads nothing of it.

        ``told`` is the name for people. Raises ``ItemRefused``: missing, outside of the folder, empty, too large.
        """
        shown = told or "\\".join(parts)
        path = self._walk(parts, shown)
        try:
            found = path.stat()
        except OSError:
            raise picture_refused("picture_missing", shown) from None
        if not stat.S_ISREG(found.st_mode):
            raise picture_refused("picture_missing", shown)
        if found.st_size == 0:
            raise picture_refused("picture_empty", shown)
        if found.st_size > LARGEST:
            raise too_large(shown, found.st_size, LARGEST)
        source = path.relative_to(self._root).as_posix()
        return Located(source, path.name, found.st_size, f"{found.st_size}-{found.st_mtime_ns}")

    def content(self, source: str) -> bytes:
        """Every byte of a file that was located. Raises ``ItemRefused`` when it is gone, outside or unreadable."""
        path = self._inside(self._root / source, source)
        try:
            # The path was resolved: whatever became a link since is not followed.
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            raise picture_refused("picture_missing", source) from None
        except OSError:
            raise picture_refused("picture_unreadable", source) from None
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise picture_refused("picture_unreadable", source)
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise too_large(source, len(content), LARGEST)
        if not content:
            raise picture_refused("picture_empty", source)
        return content

    def _walk(self, parts: Sequence[str], shown: str) -> Path:
        if any(part == ".." or "/" in part or "\0" in part for part in parts):
            raise picture_refused("picture_outside", shown)
        path = self._root
        for part in parts:
            name = self._names(path).get(_plain(part))
            if name is None:
                raise picture_refused("picture_missing", shown)
            path = self._inside(path / name, shown)
        if path == self._root:
            raise picture_refused("picture_missing", shown)
        return path

    def _inside(self, path: Path, shown: str) -> Path:
        """The real path, links followed. Raises ``ItemRefused`` when that is not inside of the folder."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise picture_refused("picture_missing", shown) from None
        if not real.is_relative_to(self._root):
            raise picture_refused("picture_outside", shown)
        return real

    def _names(self, folder: Path) -> dict[str, str]:
        """Real names of a folder by their plain form; of two that differ by case only, the first in order."""
        known = self._listed.get(folder)
        if known is None:
            try:
                names = sorted(os.listdir(folder), reverse=True)
            except OSError:
                names = []
            known = self._listed[folder] = {_plain(name): name for name in names}
        return known


def is_picture(name: str) -> bool:
    """Whether a file is a picture by the ending of its name."""
    return name.rpartition(".")[2].casefold() in EXTENSIONS and "." in name


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


_FOLDER_TEXTS = {
    "media_folder_refused": (
        "Le dossier multimédia « %(folder)s » est hors des dossiers ouverts aux profils.",
        "Demandez à l’hébergeur d’ajouter ce dossier au réglage ATOOSYNC_LOCAL_FILES, ou choisissez-en un autre.",
    ),
    "media_folder_missing": (
        "Le dossier multimédia « %(folder)s » n’existe pas sur la machine de la plate-forme.",
        "Vérifiez le chemin. Si le dossier est sur un autre serveur, faites monter ce partage par l’hébergeur.",
    ),
    "media_folder_unreadable": (
        "La plate-forme n’a pas le droit de lire le dossier multimédia « %(folder)s ».",
        "Donnez au compte de la plate-forme le droit de lire ce dossier et ses fichiers.",
    ),
}


def _misconfigured(code: str, folder: str, detail: str = "") -> Misconfigured:
    sentence, advice = _FOLDER_TEXTS[code]
    return Misconfigured(Problem(code, sentence, advice, detail, {"folder": folder}))
