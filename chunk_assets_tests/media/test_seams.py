"""A film is cut up into bodies and seams that fill it exactly, whatever its clips and joins."""

import random
from pathlib import Path

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.ffmpeg import arguments
from chunk_assets.media.seams import Body, Seam, Segment, film_pieces, piece_graph
from chunk_assets.planning.joins import Join


def clip(number: int, num_frames: int, lead_in: int = 12) -> Segment:
    return Segment(Path(f"{number}.mp4"), lead_in if number else 0, num_frames)


def test_a_crossfade_lies_before_the_next_slot() -> None:
    """The last 12 frames of one slot are blended with the next clip's lead-in."""
    first, second = clip(0, 48), clip(1, 60)
    join = Join("crossfade", 12)
    assert film_pieces([first, second], [join]) == [
        Body(first, 0, 36),
        Seam(first, second, join),
        Body(second, 12, 60),
    ]


def test_a_cut_uses_no_lead_in() -> None:
    """With a cut, or a join of no frames, each slot is shown whole and nothing is encoded."""
    first, second = clip(0, 48), clip(1, 60)
    bodies = [Body(first, 0, 48), Body(second, 12, 60)]
    for join in (Join("cut"), Join("crossfade", 0), Join("fade", 0)):
        assert film_pieces([first, second], [join]) == bodies


def test_a_seam_can_take_a_whole_slot() -> None:
    """A slot of 12 frames before a crossfade of 12 has no body, and the film is as long."""
    clips = [clip(0, 12), clip(1, 24), clip(2, 13)]
    join = Join("crossfade", 12)
    pieces = film_pieces(clips, [join, join])
    assert pieces == [
        Seam(clips[0], clips[1], join),
        Seam(clips[1], clips[2], join, 2),
        Body(clips[2], 12, 13),
    ]
    assert sum(map(len, pieces)) == 12 + 12 + 1


def test_one_clip_is_a_film() -> None:
    """A film of one chunk is its slot."""
    assert film_pieces([clip(0, 1)], []) == [Body(clip(0, 1), 0, 1)]


def test_every_plan_is_filled_exactly() -> None:
    """Whatever slots, lead-ins and joins, the pieces follow each other without a gap."""
    random_ = random.Random(7)
    for _ in range(300):
        clips: list[Segment] = []
        joins: list[Join] = []
        for number in range(random_.randint(1, 9)):
            lead_in = random_.randint(0, 20) if number else 0
            clips.append(clip(number, lead_in + random_.randint(1, 30), lead_in))
            if number:
                longest = min(lead_in, clips[-2].slot)
                kind = random_.choice(["crossfade", "fade"])
                joins.append(Join(kind, random_.randint(0, longest)))  # type: ignore[arg-type]  # a choice of two of its literals
        pieces = film_pieces(clips, joins)
        assert sum(map(len, pieces)) == sum(segment.slot for segment in clips)
        assert all(len(piece) > 0 for piece in pieces)
        for body in (piece for piece in pieces if isinstance(piece, Body)):
            assert body.segment.lead_in <= body.start < body.stop <= body.segment.num_frames


@pytest.mark.parametrize(
    ("segments", "joins", "message"),
    [
        ([], [], "a film has 0 clips and 0 joins: expected one join between each two clips"),
        (
            [clip(0, 48), clip(1, 60)],
            [],
            "a film has 2 clips and 0 joins: expected one join between each two clips",
        ),
        (
            [clip(0, 48), clip(1, 60)],
            [Join("crossfade", 13)],
            "the crossfade into clip 1 takes 13 frames: expected 12, its lead-in or all of "
            "clip 0's slot",
        ),
        (
            [clip(0, 5), clip(1, 60)],
            [Join("fade", 12)],
            "the fade into clip 1 takes 12 frames: expected 5, its lead-in or all of clip 0's slot",
        ),
        (
            [clip(0, 48), clip(1, 12)],
            [Join("cut")],
            "clip 1 has 12 frames, 12 of them lead-in: expected no lead-in in the first clip, "
            "and 1 frame or more after it in each",
        ),
        (
            [Segment(Path("a.mp4"), 12, 60)],
            [],
            "clip 0 has 60 frames, 12 of them lead-in: expected no lead-in in the first clip, "
            "and 1 frame or more after it in each",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    segments: list[Segment], joins: list[Join], message: str
) -> None:
    """A plan that cannot be filled is one sentence with the clip's number and the values."""
    with pytest.raises(SpecError) as caught:
        film_pieces(segments, joins)
    assert str(caught.value) == message


def test_a_join_is_checked_where_it_is_made() -> None:
    """Only three kinds, never a negative length, and no cut that takes time."""
    for kind, frames, message in (
        ("wipe", 3, "a join is 'wipe': expected crossfade, cut or fade"),
        ("cut", 3, "a cut takes 3 frames: expected 0"),
        ("fade", -1, "a fade takes -1 frames: expected 0 or more"),
    ):
        with pytest.raises(SpecError) as caught:
            Join(kind, frames)  # type: ignore[arg-type]  # the point of the test
        assert str(caught.value) == message


def test_the_whole_argument_list_of_a_seam() -> None:
    """Both pieces are sought to half a frame early, given one rate, and blended from frame 0."""
    seam = Seam(clip(0, 48), clip(1, 60, 16), Join("crossfade", 12))
    formats = ["-format_whitelist", "mov,mp4,matroska,webm,gif"]
    is_ = arguments(piece_graph(seam, Path("s.mp4"), FrameRate(24)), "ffmpeg")
    assert is_[6 : is_.index("-map")] == [
        *[*formats, "-ss", "1.500000", "-i", "file:0.mp4"],
        *[*formats, "-ss", "0.166666", "-i", "file:1.mp4", "-filter_complex"],
        "[0:v]setpts=N/24/TB[s0];[s0]fps=24[s1];[s1]trim=end_frame=12[s2];"
        "[1:v]setpts=N/24/TB[s3];[s3]fps=24[s4];[s4]trim=end_frame=12[s5];"
        "[s2][s5]xfade=duration=0.500000:offset=0:transition=fade[s6];[s6]format=yuv420p[s7];"
        "[s7]setparams=color_primaries=bt709:color_trc=bt709:"
        "colorspace=bt709:range=tv[s8]",
    ]
    assert is_[-1] == "file:s.mp4"


def test_a_fade_takes_half_its_time_from_each_clip() -> None:
    """Out of the one for 6 frames, into the other for 6; both play on at their own time."""
    seam = Seam(clip(0, 48), clip(1, 60, 16), Join("fade", 12))
    is_ = arguments(piece_graph(seam, Path("s.mp4"), FrameRate(24)), "ffmpeg")
    assert [is_[n + 1] for n, word in enumerate(is_) if word == "-ss"] == ["1.500000", "0.416666"]
    assert is_[is_.index("-filter_complex") + 1].startswith(
        "[0:v]setpts=N/24/TB[s0];[s0]fps=24[s1];[s1]trim=end_frame=6[s2];[s2]fade=out:0:6[s3];"
        "[1:v]setpts=N/24/TB[s4];[s4]fps=24[s5];[s5]trim=end_frame=6[s6];[s6]fade=in:0:6[s7];"
        "[s3][s7]concat[s8];"
    )


def test_the_whole_argument_list_of_a_body() -> None:
    """A body from frame 0 is not sought at all."""
    is_ = arguments(piece_graph(Body(clip(0, 48), 0, 36), Path("b.mp4"), FrameRate(24)), "ffmpeg")
    assert is_[6 : is_.index("-map")] == [
        *["-format_whitelist", "mov,mp4,matroska,webm,gif", "-i", "file:0.mp4", "-filter_complex"],
        "[0:v]setpts=N/24/TB[s0];[s0]fps=24[s1];[s1]trim=end_frame=36[s2];[s2]format=yuv420p[s3];"
        "[s3]setparams=color_primaries=bt709:color_trc=bt709:"
        "colorspace=bt709:range=tv[s4]",
    ]
