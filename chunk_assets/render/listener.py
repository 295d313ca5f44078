"""Who watches a film being rendered."""

from chunk_assets.schemas import ChunkSpec


class Listener:
    """Told what happens to each chunk; this one does nothing, the terminal's draws bars.

    `progressed` comes from the generator's thread, the others from the walk's.
    """

    def started(self, spec: ChunkSpec) -> None:
        """A chunk is being rendered."""

    def progressed(self, spec: ChunkSpec, fraction: float) -> None:
        """So much of it is done, 0.0 to 1.0."""

    def rendered(self, spec: ChunkSpec, seconds: float) -> None:
        """Its clip has come."""

    def kept(self, spec: ChunkSpec) -> None:
        """What is stored of it is what would be rendered, and stays."""

    def noticed(self, sentence: str) -> None:
        """Something takes longer, or costs more, than it should; called from any thread."""
