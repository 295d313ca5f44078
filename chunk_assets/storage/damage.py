"""Damage detection: whether an object on S3 still is what was written.

An object's header has its size and ETag, and the record beside it has both as they were written, so
damage is usually found without reading the object.
"""

import re
from collections.abc import Callable, Mapping

from chunk_assets.errors import Damaged
from chunk_assets.files.digests import Digester
from chunk_assets.storage.stored import StoredObject


class DamageDetector:
    """Compares what S3 reports, or returns, with what was written; remembers what it found.

    Args:
        remedy: Ends the error message about a damaged object, by its key: how to replace it.
    """

    def __init__(self, remedy: Callable[[str], str]):
        self._remedy = remedy
        self._known: dict[str, tuple[StoredObject, str]] = {}
        self._etags_are_md5 = True

    def known(self, stored: StoredObject) -> str | None:
        """Return the damage found earlier in this version of an object; None if it was not read."""
        found = self._known.get(stored.key)
        return found[1] if found and found[0] == stored else None

    def remember(self, stored: StoredObject, reason: str) -> None:
        """Remember an object's damage; an empty reason means that it is intact."""
        self._known[stored.key] = stored, reason

    def forget(self, key: str) -> None:
        """Forget an object that is being overwritten."""
        self._known.pop(key, None)

    def looks_changed(self, stored: StoredObject, written: Mapping[str, str]) -> bool:
        """Tell whether size or ETag differ from what was written."""
        size, etag = written.get("size"), written.get("etag")
        if size is not None and size != str(stored.size):
            return True
        return bool(etag and stored.etag and etag != stored.etag and self._etags_are_md5)

    def found_whole(self, stored: StoredObject) -> None:
        """Note that an object that looked changed was read, and is what was written."""
        self.remember(stored, "")
        if "-" not in stored.etag + stored.record.get("etag", "-"):
            self._etags_are_md5 = False  # encrypted with a customer key: its ETags are not digests

    def verify(self, stored: StoredObject, read: Digester, *, is_last: bool) -> None:
        """Check that what was read is what was written.

        An object that a person uploaded has no digest of ours. Its ETag usually is one: if that
        does not match, the object is read again and then accepted.

        Raises:
            Damaged: It is not.
        """
        is_md5 = len(stored.etag) == 32 and "-" not in stored.etag
        if stored.sha256:
            expected, measured = stored.sha256, read.sha256
        elif is_md5 and self._etags_are_md5 and not is_last:
            expected, measured = stored.etag, read.md5
        else:
            return
        if measured == expected:
            return
        written = stored.record.get("size", "")
        reason = "its content is not what was written"
        if written.isdecimal() and int(written) != read.size:
            reason = f"it has {read.size} bytes, {written} were written"
        raise Damaged(
            f"{stored.uri} is damaged: {reason} (its content's sha256 is {measured[:12]}…, "
            f"recorded is {expected[:12]}…){self._remedy(stored.key)}",
            uri=stored.uri,
            key=stored.key,
            reason=reason,
            measured=measured,
            recorded=expected,
        )


def has_sha256(stored: StoredObject) -> bool:
    """Tell whether an object's record has a digest."""
    return re.fullmatch("[0-9a-f]{64}", stored.sha256) is not None
