"""Reads an animatic's directory safely: each file once, following no links, up to a size limit.

The directory may change while it is read. Each file is therefore opened relative to its directory's
descriptor, inspected through its own descriptor and copied; the copy is checked and uploaded.
"""

import os
import shutil
import stat
import tempfile
import weakref
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Self

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.file_names import same_names
from chunk_assets.schemas import MANIFEST

MAX_TOTAL_BYTES = 4 << 30
"""Limit on the total size of an animatic's pictures: their copies share the system's disk."""

_BLOCK = 1 << 20

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Opening a pipe must not block: the file's type is checked before anything is read.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class OpenDirectory:
    """An open directory: it stays the same even if its path changes. Closed by `with`.

    The path itself may be a link, since a person typed it.

    Raises:
        SpecError: It is not a directory, or cannot be opened.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._descriptor = os.open(path, _DIRECTORY)
        except (NotADirectoryError, FileNotFoundError, ValueError):  # ValueError: a NULL in it
            raise SpecError(
                f"{str(path)!r} is not a directory: give one that holds {MANIFEST}"
            ) from None
        except OSError as error:
            raise SpecError(f"{str(path)!r} cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        os.close(self._descriptor)

    def open(self, name: str) -> int | None:
        """Open a regular file in the directory; return its descriptor, None if there is none.

        The name is also found in another Unicode normal form, unless several files match.

        Raises:
            SpecError: It is a link or behind one, or not a regular file, or several files match.
        """
        *folders, last = PurePosixPath(name).parts
        with ExitStack() as opened:
            descriptor: int | None = self._descriptor
            for folder in folders:
                descriptor = self._open_part(descriptor, folder, name, _DIRECTORY | os.O_NOFOLLOW)
                if descriptor is None:
                    return None
                opened.callback(os.close, descriptor)
            found = self._open_part(descriptor, last, name, _FILE)
        if found is not None and not stat.S_ISREG(mode := os.fstat(found).st_mode):
            os.close(found)
            raise SpecError(f"{self._shown(name)} is not a file, but {_kind(mode)}")
        return found

    def _open_part(self, parent: int | None, part: str, name: str, flags: int) -> int | None:
        try:
            return os.open(part, flags, dir_fd=parent)
        except FileNotFoundError:
            return self._open_other_form(parent, part, name, flags)
        except OSError as error:
            mode = _mode(part, parent)
            if stat.S_ISLNK(mode):
                raise SpecError(
                    f"the file {name!r} of {str(self.path)!r} is a symbolic link, or behind one: "
                    "links are not followed, since one that leads out of the animatic would "
                    "publish another file; replace the link with what it points to"
                ) from None
            if flags & os.O_DIRECTORY and mode:
                return None  # `a/b` where `a` is a file
            raise SpecError(f"{self._shown(name)} cannot be read: {error.strerror}") from error

    def _open_other_form(self, parent: int | None, part: str, name: str, flags: int) -> int | None:
        if part.isascii():
            return None
        meant = set(same_names(part))
        with os.scandir(parent) as entries:
            found = [entry.name for entry in entries if meant & set(same_names(entry.name))]
        if len(found) > 1:
            raise SpecError(
                f"the file {name!r} of {str(self.path)!r} may be any of "
                f"{', '.join(ascii(each) for each in sorted(found)[:4])}: the names differ only in "
                "how their characters are composed, so keep one of them"
            )
        return self._open_part(parent, found[0], name, flags) if found else None

    def _shown(self, name: str) -> str:
        return repr(str(self.path / name))


def _mode(part: str, parent: int | None) -> int:
    try:
        return os.lstat(part, dir_fd=parent).st_mode
    except OSError:
        return 0


def _kind(mode: int) -> str:
    kinds = {
        stat.S_ISDIR: "a directory",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
        stat.S_ISSOCK: "a socket",
    }
    return next((words for is_one, words in kinds.items() if is_one(mode)), "something else")


def read_bytes(directory: OpenDirectory, name: str, max_bytes: int) -> bytes | None:
    """Return a file's content, None if there is no such file.

    Raises:
        SpecError: It cannot be read, or exceeds `max_bytes`.
    """
    descriptor = directory.open(name)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(max_bytes + 1)
            size = max(len(content), os.fstat(descriptor).st_size)
        except OSError as error:
            raise SpecError(
                f"{str(directory.path / name)!r} cannot be read: {error.strerror}"
            ) from error
    if len(content) > max_bytes:
        raise _too_large(directory, name, size, max_bytes)
    return content


class PrivateCopies:
    """Copies of files in a private directory, removed with the last reference to this object."""

    def __init__(self) -> None:
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="chunk-assets-animatic-"))
        except OSError as error:
            raise MediaError(
                f"no copy of the animatic can be made in {tempfile.gettempdir()!r}: "
                f"{error.strerror}"
            ) from error
        self.remove = weakref.finalize(self, _remove, self._directory, os.getpid())
        self._count = self._bytes = 0

    def copy(self, directory: OpenDirectory, name: str, max_bytes: int) -> Path:
        """Copy a file.

        Raises:
            MediaError: It is missing or cannot be copied.
            SpecError: It is a link or not a regular file, or exceeds a limit.
        """
        descriptor = directory.open(name)
        shown = str(directory.path / name)
        if descriptor is None:
            raise MediaError(f"the manifest names {name!r}, but there is no file {shown!r}")
        path = self._directory / str(self._count)
        self._count += 1
        with os.fdopen(descriptor, "rb") as source:
            size = os.fstat(descriptor).st_size
            if size > max_bytes:
                raise _too_large(directory, name, size, max_bytes)
            try:
                with path.open("xb") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)
                        self._bytes += len(block)
                        if target.tell() > max_bytes:  # it has grown
                            raise _too_large(directory, name, target.tell(), max_bytes)
                        if self._bytes > MAX_TOTAL_BYTES:
                            raise SpecError(
                                f"the pictures of {str(directory.path)!r} total more "
                                f"than {MAX_TOTAL_BYTES} bytes, which is the limit"
                            )
            except OSError as error:
                raise MediaError(
                    f"{shown!r} cannot be copied into {tempfile.gettempdir()!r} to be read: "
                    f"{error.strerror}"
                ) from error
        return path


def _too_large(directory: OpenDirectory, name: str, size: int, max_bytes: int) -> SpecError:
    return SpecError(
        f"{str(directory.path / name)!r} has {size} bytes: at most {max_bytes} are allowed"
    )


def _remove(directory: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked process shares the copies and may end first
        shutil.rmtree(directory, ignore_errors=True)
