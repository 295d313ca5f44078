"""Who is at which chunk: so that no two walks are at the same one, and one waits for another."""

from collections.abc import Callable


class Claims:
    """One walk's claims on a film's chunks; this one knows of nobody else.

    All methods may be called from several threads.
    """

    def hold(self, chunk_num: int, go_on: Callable[[], None]) -> bool:
        """Claim a chunk, waiting while somebody else has it.

        Args:
            chunk_num: The chunk; one that is claimed already stays so.
            go_on: Called now and then; raises to stop waiting.

        Returns:
            Whether it had to wait: what was looked up of the chunk before may be true no more.
        """
        return False

    def try_hold(self, chunk_num: int) -> bool:
        """Claim a chunk unless somebody else has it, and say whether it is claimed."""
        return True

    def release(self, chunk_num: int) -> None:
        """Let go of a chunk, if it is claimed."""

    def close(self) -> None:
        """Let go of all of them."""

    def is_at_work(self, chunk_num: int) -> bool:
        """Whether somebody else has the chunk now: it may be stored, and not yet recorded."""
        return False

    def is_coming(self, chunk_num: int) -> bool:
        """Whether somebody else is rendering the chunk, or is going to."""
        return False
