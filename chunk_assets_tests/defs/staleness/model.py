"""What depends on what in a film, as a model that shares nothing with the product.

It knows the rules (a chunk's spec comes from the animatic, its composite from the spec and the
frame before it, its clip from spec and composite, its last frame from the clip, the film from all
clips and the animatic) and counts versions: content that was there before has the number it had.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

SPECS, COMPOSITES, CLIPS, FRAMES = "chunk_specs", "composites", "chunk_videos", "last_frames"
CHUNK_ASSETS = (SPECS, COMPOSITES, CLIPS, FRAMES)
ANIMATICS, HANDED, FILMS = "animatics", "previous_last_frames", "stitched_videos"

Key = tuple[str, int | None]
"""An asset and a chunk's number; None where the asset has one partition a film."""

OWN_CODE = "its own code"

Judged = dict[str, tuple[str, set[str]]]
"""By asset and partition, as `composites 03|film`: fresh, stale or missing in Dagster's words, and
the partitions named as why."""


@dataclass(frozen=True)
class Beat:
    """One scene: its words, how many chunks it lasts, which picture it shows."""

    words: str
    chunks: int
    picture: int


@dataclass(frozen=True)
class Film:
    """What a person hands in."""

    beats: tuple[Beat, ...]
    style: int = 100
    transition: str = "dissolve"

    @property
    def chunks(self) -> list[Beat]:
        """The beat of each chunk."""
        return [beat for beat in self.beats for _ in range(beat.chunks)]


@dataclass(frozen=True)
class Recorded:
    """One version of one partition: its number, its code's, and what it was made from."""

    version: int
    code: int = 1
    inputs: Mapping[Key, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Spec:
    """A chunk as planned: the style guide is chunk 0's alone; the last chunk has no tail to cut."""

    number: int
    beat: Beat
    style: int | None
    is_last: bool


@dataclass(frozen=True)
class _Stored:
    """A stored composite or clip: what would have to be the same for it to be kept."""

    made_from: tuple[object, ...]
    version: int


@dataclass(frozen=True)
class _Take:
    """A clip that was rendered once, what it was made from, and the frame it ends on.

    A pruned one cannot come back.
    """

    clip: _Stored
    frame: int
    inputs: Mapping[Key, int | None]
    is_pruned: bool = False


class FilmModel:
    """One film in a grid of `grid` chunk numbers, which may be more than it has chunks.

    Attributes:
        code: The code version of each asset, as the definitions have it.
    """

    def __init__(self, grid: int):
        self.grid = grid
        self.code: dict[str, int] = dict.fromkeys((*CHUNK_ASSETS, FILMS), 1)
        self.film = Film(())
        self.recorded: dict[Key, Recorded] = {}
        self._numbers: dict[tuple[object, ...], int] = {}
        self._specs: dict[int, _Spec] = {}
        self._composites: dict[int, _Stored] = {}
        self._clips: dict[int, _Stored] = {}
        self._frames: dict[int, int] = {}
        self._takes: dict[int, list[_Take]] = {}
        self._accepted: dict[int, _Stored] = {}

    def submit(self, film: Film) -> None:
        """The animatic is there in another version."""
        self.film = film
        self._record((ANIMATICS, None), self._number("animatic", film))

    def render(
        self,
        numbers: Iterable[int],
        *,
        stages: Iterable[str] = CHUNK_ASSETS,
        is_matching: bool = False,
        shade: int = 0,
        model: str = "1",
        weight: float = 0.7,
        fails_at: int | None = None,
        accepts: bool = False,
        chosen: Mapping[int, int] | None = None,
    ) -> list[int]:
        """Make chunks in order.

        Args:
            numbers: The chunks; those that the film does not have are passed over.
            stages: Which assets; the others are used as they are stored.
            is_matching: Whether a clip stays that was made from what it would be made from now, and
                an earlier take of which that is true comes back.
            shade: What the generator does to the pictures: another shade is another clip.
            model: The generator's version.
            weight: The share of the frame before in the composite.
            fails_at: The chunk at which the generator fails, which ends the run.
            accepts: Whether the clips stay, whatever they were made from.
            chosen: Which takes have come back, if several could: by chunk, from 1.

        Returns:
            The chunks for which the generator is asked.
        """
        asked = []
        for n in (n for n in numbers if n < len(self.film.chunks)):
            if SPECS in stages:
                self._specs[n] = self._planned(n)
                self._record(
                    (SPECS, n), self._spec_number(n), {(ANIMATICS, None): self._now(ANIMATICS)}
                )
            if COMPOSITES in stages:
                self._blend(n, weight)
            if CLIPS in stages:
                wanted = self._clip_made_from(n, self._specs[n], model)
                inputs: dict[Key, int | None] = {
                    (SPECS, n): self._spec_number(n),
                    (COMPOSITES, n): self._composites[n].version,
                }
                if accepts:
                    self._accept(n)
                elif not (is_matching and self._stays(n, wanted)):
                    takes = self._takes.setdefault(n, [])
                    same = [
                        one
                        for one in takes
                        if is_matching and one.clip.made_from == wanted and not one.is_pruned
                    ]
                    if not same:
                        asked.append(n)
                        if n == fails_at:
                            break
                        pixels = (self._composites[n].version, shade)
                        clip = _Stored(wanted, self._number("clip", *pixels))
                        same = [_Take(clip, self._number("frame", *pixels), inputs)]
                        takes += same
                    take = takes[chosen[n] - 1] if chosen and len(same) > 1 else same[-1]
                    assert take in same
                    # The frame is stored with its clip, and recorded by the run that asks for it.
                    self._clips[n], self._frames[n] = take.clip, take.frame
                self._record((CLIPS, n), self._clips[n].version, inputs)
            if FRAMES in stages:
                self._hand_over(n)
        return asked

    def takes(self, n: int) -> int:
        """How many takes a chunk has."""
        return len(self._takes.get(n, []))

    def stored_takes(self, n: int) -> dict[int, int]:
        """The contents of a chunk's takes that can be chosen, by their numbers, from 1."""
        takes = enumerate(self._takes.get(n, []), 1)
        return {number: take.clip.version for number, take in takes if not take.is_pruned}

    def prune(self, n: int, number: int) -> None:
        """A take's files are gone, which is not recorded."""
        self._takes[n][number - 1] = replace(self._takes[n][number - 1], is_pruned=True)

    def clip(self, n: int) -> int | None:
        """The number of the content of a chunk's clip; None without one."""
        return self._clips[n].version if n in self._clips else None

    def choose(self, n: int, number: int) -> None:
        """A take is chosen, whatever it was made from."""
        take = self._takes[n][number - 1]
        self._clips[n], self._frames[n] = take.clip, take.frame
        self._record((CLIPS, n), take.clip.version, take.inputs)
        self._hand_over(n)

    def take_back(self, n: int) -> None:
        """An acceptance is taken back, which is not recorded."""
        self._accepted.pop(n, None)

    def stitch(self) -> None:
        """Make the film of every clip there is."""
        clips: dict[Key, int | None] = {(CLIPS, n): self._now(CLIPS, n) for n in range(self.grid)}
        version = self._number("film", self.film.transition, *clips.values())
        self._record((FILMS, None), version, {**clips, (ANIMATICS, None): self._now(ANIMATICS)})

    def lose_clip(self, n: int) -> None:
        """A stored clip is gone, which is not recorded."""
        del self._clips[n]

    def causes(self, asset: str, n: int | None = None) -> set[Key | str] | None:
        """Which inputs have another version than was used; None where there is nothing."""
        made = self.recorded.get((asset, n))
        if made is None:
            return None
        changed: set[Key | str] = {
            key for key, used in made.inputs.items() if self._now(*key) != used
        }
        return changed | ({OWN_CODE} if made.code != self.code[asset] else set())

    def judged(self, video_id: str) -> Judged:
        """What is to be said of every partition; what no run makes is always fresh."""

        def name(asset: str, n: int | None) -> str:
            return f"{asset} {video_id}" if n is None else f"{asset} {n:02d}|{video_id}"

        judged: Judged = {name(HANDED, n): ("FRESH", set()) for n in range(self.grid)}
        judged[name(ANIMATICS, None)] = ("FRESH", set())
        made: list[Key] = [(asset, n) for asset in CHUNK_ASSETS for n in range(self.grid)]
        for asset, n in [*made, (FILMS, None)]:
            causes = self.causes(asset, n)
            judged[name(asset, n)] = (
                "MISSING" if causes is None else "STALE" if causes else "FRESH",
                {cause if isinstance(cause, str) else name(*cause) for cause in causes or ()},
            )
        return judged

    def status(self) -> list[str]:
        """Of each planned chunk: whether the clip is what would be made now of what is stored."""
        return [self._chunk_status(n) for n in range(len(self.film.chunks))]

    def _chunk_status(self, n: int) -> str:
        if n not in self._clips:
            return "missing"
        *_, model = self._clips[n].made_from
        *_, weight = self._composites[n].made_from
        spec = self._planned(n)
        blended = self._composite_made_from(n, spec, weight) == self._composites[n].made_from
        return (
            "fresh" if blended and self._stays(n, self._clip_made_from(n, spec, model)) else "stale"
        )

    def _stays(self, n: int, wanted: tuple[object, ...]) -> bool:
        """Whether a chunk's clip was made from this, or is accepted for it."""
        clip = self._clips.get(n)
        if clip is None:
            return False
        return clip.made_from == wanted or self._accepted.get(n) == _Stored(wanted, clip.version)

    def _accept(self, n: int) -> None:
        """A chunk's clip is accepted for what it would be made from now, by its own model."""
        clip = self._clips[n]
        *_, model = clip.made_from
        wanted = self._clip_made_from(n, self._specs[n], model)
        if clip.made_from != wanted:
            self._accepted[n] = _Stored(wanted, clip.version)

    def _planned(self, n: int) -> _Spec:
        beats = self.film.chunks
        return _Spec(n, beats[n], None if n else self.film.style, n == len(beats) - 1)

    def _spec_number(self, n: int) -> int:
        return self._number(self._specs[n])

    def _composite_made_from(self, n: int, spec: _Spec, weight: object) -> tuple[object, ...]:
        return spec.beat.picture, spec.style, self._frames[n - 1] if n else None, weight

    def _clip_made_from(self, n: int, spec: _Spec, model: object) -> tuple[object, ...]:
        return self._composites[n].version, spec.beat.words, model

    def _blend(self, n: int, weight: float) -> None:
        made_from = self._composite_made_from(n, self._specs[n], weight)
        # The first composite has no frame before it that could be weighed.
        pixels = made_from if n else made_from[:-1]
        self._composites[n] = _Stored(made_from, self._number("composite", *pixels))
        inputs: dict[Key, int | None] = {
            (SPECS, n): self._spec_number(n),
            (HANDED, n): self._frames[n - 1] if n else None,
        }
        if n:  # a used frame is handed over, even if the run that stored it recorded nothing
            self._record((HANDED, n), self._frames[n - 1])
        self._record((COMPOSITES, n), self._composites[n].version, inputs)

    def _hand_over(self, n: int) -> None:
        self._record((FRAMES, n), self._frames[n], {(CLIPS, n): self._clips[n].version})
        if n + 1 < len(self.film.chunks):
            self._record((HANDED, n + 1), self._frames[n])

    def _now(self, asset: str, n: int | None = None) -> int | None:
        made = self.recorded.get((asset, n))
        return made.version if made else None

    def _record(
        self, key: Key, version: int, inputs: Mapping[Key, int | None] | None = None
    ) -> None:
        self.recorded[key] = Recorded(version, self.code.get(key[0], 1), inputs or {})

    def _number(self, *content: object) -> int:
        return self._numbers.setdefault(content, len(self._numbers))
