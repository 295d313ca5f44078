"""Whether a walk is to end early, so that another goes on with the film, here or elsewhere."""

from chunk_assets.errors import HandedOn


class Leaving:
    """What a process that is to end tells its walks; this one never ends.

    All methods may be called from several threads.
    """

    keeps_asked: bool = False
    """Whether what a hosted model was asked for is left to whoever comes next, when a walk is
    closed; otherwise it is cancelled: nobody wants it."""

    def is_asked(self) -> bool:
        """Whether no further chunk is to be begun; the one in flight is finished."""
        return False

    def is_urgent(self) -> bool:
        """Whether to stop at once; what was asked of a hosted model is left to whoever is next."""
        return False

    def begin(self, what: str) -> None:
        """Called before something is begun, and while it waits for its turn.

        Raises:
            HandedOn: It is not to be begun.
        """
        if self.is_asked() or self.is_urgent():
            raise HandedOn(f"{what} is handed on: its worker stops, another one goes on with it")

    def go_on(self, what: str) -> None:
        """Called while something is being made.

        Raises:
            HandedOn: It is not to be finished.
        """
        if self.is_urgent():
            raise HandedOn(f"{what} is handed on unfinished: its worker stops, or has lost it")
