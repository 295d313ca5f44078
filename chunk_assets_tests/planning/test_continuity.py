"""How chunks hang together: chains, scenes and key pictures."""

from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.planning.joins import Join
from chunk_assets.planning.timeline import build_chunk_specs, plan_joins
from chunk_assets.schemas import ChunkSpec, read_film_spec
from chunk_assets_tests.manifests import manifest


def film(urls: str = "abcde", continuity: str = "keyframes", **changes: Any) -> list[ChunkSpec]:
    """The plan of a film of five beats of three chunks each, with one letter for each picture."""
    document = manifest(continuity=continuity, **changes)
    return build_chunk_specs("film", document, list(urls), {"style_guide_url": "style"})


def beats(**changes: Any) -> list[dict[str, Any]]:
    """The five beats; `changes` are for the third one, which has chunks 6 to 8."""
    each = manifest()["beats"]
    each[2].update(changes)
    return each


def keys(planned: list[ChunkSpec]) -> list[int]:
    """The chunks that start from their own picture."""
    return [spec.chunk_num for spec in planned if spec.has_key_picture]


def ends(planned: list[ChunkSpec]) -> dict[int, str | None]:
    """The pictures that chunks end on."""
    return {spec.chunk_num: spec.end_frame_url for spec in planned if spec.end_frame_url}


def test_with_one_picture_a_chunk_every_chunk_ends_on_the_next_ones():
    """All start from their own picture, so none depends on the one before; the last has no end."""
    planned = film("abcdefghijklmno", transitions=None)
    assert keys(planned) == list(range(15))
    assert ends(planned) == dict(enumerate("bcdefghijklmno"))
    assert all(spec.starts_chain for spec in planned)
    assert {spec.num_frames for spec in planned} == {48}
    joins = plan_joins(read_film_spec(manifest(transitions=None)), planned)
    assert joins == [Join("cut")] * 14


def test_with_one_picture_a_beat_the_chain_continues_inside_the_beat():
    """Each beat starts from its picture; its last chunk ends on the next beat's."""
    planned = film(transitions=None)
    assert keys(planned) == [0, 3, 6, 9, 12]
    assert ends(planned) == {2: "b", 5: "c", 8: "d", 11: "e"}
    assert [spec.overlap_frames for spec in planned[:5]] == [0, 12, 12, 0, 12]
    assert all(spec.is_unblended for spec in planned)


@pytest.mark.parametrize("kind", ["cut", "fade"])
def test_no_chunk_leads_over_a_cut_or_a_fade(kind: str):
    """What is seen apart does not become one another, unless the beat says so."""
    joined = [{"type": "dissolve"}, {"type": kind}, {"type": "dissolve"}, {"type": "dissolve"}]
    planned = film(transitions=joined)
    assert keys(planned) == [0, 3, 6, 9, 12]
    assert ends(planned) == {2: "b", 8: "d", 11: "e"}
    led = film(transitions=joined, beats=beats(opens_scene=False))
    assert ends(led) == {2: "b", 5: "c", 8: "d", 11: "e"}


def test_a_beat_that_opens_a_scene_is_not_led_into():
    """Also without a cut."""
    assert 5 not in ends(film(transitions=None, beats=beats(opens_scene=True)))


def test_transitions_of_the_manifest_keep_their_length():
    """A dissolve into a key picture is as long as the manifest says, not as the overlap."""
    planned = film(transitions=[{"type": "dissolve", "duration": 0.25}] * 4)
    assert planned[3].overlap_frames == 6
    joins = plan_joins(
        read_film_spec(manifest(transitions=[{"type": "dissolve", "duration": 0.25}] * 4)), planned
    )
    assert joins[2] == Join("crossfade", 6)


def test_a_beat_may_continue_the_chain_of_a_film_of_key_pictures():
    """Then it has no key picture; after a cut it begins a chain, blended with the style guide."""
    planned = film(transitions=None, beats=beats(starts_from="last_frame"))
    assert keys(planned) == [0, 3, 9, 12]
    assert 5 not in ends(planned)
    assert not planned[6].starts_chain
    assert not planned[6].is_unblended
    cut = film(transitions=[{"type": "cut"}] * 4, beats=beats(starts_from="last_frame"))
    assert (cut[6].opens_scene, cut[6].has_key_picture) == (True, False)


def test_a_beat_of_a_chain_may_start_from_its_picture():
    """The chunk before leads into it."""
    planned = film(transitions=None, continuity="film", beats=beats(starts_from="picture"))
    assert keys(planned) == [6]
    assert ends(planned) == {5: "c"}


def test_pictures_that_repeat_inside_a_beat_are_one_key_picture():
    """The chunk with the same picture continues from the last frame."""
    planned = film("aabcdefghijklmn", transitions=None)
    assert 1 not in keys(planned)
    assert ends(planned)[1] == "b"


def test_a_beat_starts_from_its_picture_or_the_last_frame():
    """Anything else is refused in a sentence."""
    with pytest.raises(SpecError, match="starts_from is 'style'"):
        film(beats=beats(starts_from="style"))
