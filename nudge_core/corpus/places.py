"""Places: files on this machine or behind any fsspec URL, read by position and known by a key that changes when they do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nudge_core.arguments import as_path
from nudge_core.errors import FileFormatError, InputError, MissingExtraError


@dataclass(frozen=True)
class Place:
    """A file as it was when it was found, in an fsspec file system or, where that is None, on this machine.

    Its key changes when the file does: the time of its last change, or its ETag.
    """

    fs: Any
    path: str
    size: int
    key: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return Path(self.path).name

    def open(self) -> BinaryIO:
        """The file, to be read; nothing is read ahead."""
        try:
            if self.fs:
                return self.fs.open(self.path, "rb", cache_type="none")  # type: ignore[no-any-return]
            return Path(self.path).open("rb")  # the caller closes it
        except OSError as error:
            raise FileFormatError(f"{self.path!r} cannot be read ({error}): check that it is there") from error

    def check(self) -> None:
        """Refuse a file that is not what it was."""
        try:
            now = _place(self.fs, self.path)
        except (OSError, InputError) as error:
            raise FileFormatError(
                f"{self.path!r} has gone since it was opened ({error}): put it back, then open the corpus again"
            ) from error
        if (now.size, now.key) != (self.size, self.key):
            raise FileFormatError(
                f"{self.path!r} has changed since it was opened ({self.size:,} bytes then, {now.size:,} now): "
                "let whoever writes it finish, then open the corpus again"
            )


def is_url(path: str | Path) -> bool:
    """Whether fsspec finds it, rather than this machine's own file system."""
    return isinstance(path, str) and "://" in path and not path.startswith("file://")


def local(path: str | Path) -> Path:
    """The path of a file on this machine, `file://` taken off."""
    return Path(str(path).removeprefix("file://")) if isinstance(path, str) else as_path(path)


def is_folder(path: str | Path) -> bool:
    """Whether the path leads to a folder, so that there may be several files."""
    if not is_url(path):
        return local(path).is_dir()
    fs, inner = file_system(str(path))
    return bool(fs.isdir(inner))


def find(path: str | Path, suffix: str) -> list[Place]:
    """The file of this path, or the files of this folder whose names end so, in the order of their names; none where there is nothing."""
    if not is_url(path):
        where = local(path)
        files = sorted(where.glob(f"*{suffix}")) if where.is_dir() else [where] if where.exists() else []
        return [_place(None, str(file)) for file in files]
    fs, inner = file_system(str(path))
    try:
        if fs.isfile(inner):
            return [_place(fs, inner)]
        listed = fs.ls(inner, detail=False) if fs.exists(inner) else []
        return [_place(fs, name) for name in sorted(listed) if name.endswith(suffix)]
    except Exception as error:  # every file system raises errors of its own
        raise FileFormatError(f"{str(path)!r} cannot be reached ({error}): check address, rights, network") from error


def kind_of(path: str | Path) -> str | None:
    """The suffix ".npy" or ".parquet", whichever the file is or the folder holds; None where it is neither."""
    for suffix in (".npy", ".parquet"):
        found = find(path, suffix)
        if any(place.name.endswith(suffix) for place in found):
            return suffix
    fs, inner = file_system(str(path)) if is_url(path) else (None, "")
    if not (fs.exists(inner) if fs else local(path).exists()):
        raise FileFormatError(f"no file or folder {str(path)!r}: give a .npy or .parquet file, or a folder of them")
    return None


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("fsspec", "files", "reading vectors from a URL") from error
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(f"{url!r} cannot be opened: {error}") from error
    return found


def _place(fs: Any, path: str) -> Place:
    if fs is None:
        known = Path(path).stat()
        return Place(None, path, known.st_size, f"{known.st_mtime_ns} {known.st_ino}")
    fs.invalidate_cache()
    info = fs.info(path)
    if info.get("size") is None:
        raise InputError(f"{path!r} does not say how long it is, so it cannot be read by position: copy it first")
    return Place(fs, path, int(info["size"]), fs.ukey(path))
