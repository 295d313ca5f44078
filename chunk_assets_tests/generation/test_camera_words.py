"""Camera movements in words."""

import pytest

from chunk_assets.generation.camera import Movement
from chunk_assets.generation.camera_words import DEFAULT, describe, movement_of


@pytest.mark.parametrize(
    ("words", "movement"),
    [
        ("slow dolly in", Movement(("dolly in",), 0.6)),
        ("Dolly Out", Movement(("dolly out",))),
        ("push-in", Movement(("dolly in",))),
        ("dolly_in", Movement(("dolly in",))),
        ("The camera pulls back, fast", Movement(("dolly out",), 1.6)),
        ("dolly out in slow motion", Movement(("dolly out",), 0.6)),
        ("dolly left", Movement(("truck left",))),
        ("camera moves closer", Movement(("dolly in",))),
        ("tracking shot", Movement(("truck right",))),
        ("pan", Movement(("pan right",))),
        ("pan up", Movement(("tilt up",))),
        ("pan from left to right", Movement(("pan right",))),
        ("a slow left pan, tilt up", Movement(("pan left", "tilt up"), 0.6)),
        ("whip pan", Movement(("pan right",), is_whip=True)),
        ("tilt from top to bottom", Movement(("tilt down",))),
        ("pedestal", Movement(("pedestal up",))),
        ("crane up while pushing in", Movement(("crane up", "dolly in"))),
        ("orbit", Movement(("orbit right",))),
        ("orbit counter-clockwise", Movement(("orbit right",))),
        ("arc left around her", Movement(("orbit left",))),
        ("push in without zoom or pan", Movement(("dolly in",))),
        ("dolly in, then dolly out", Movement(("dolly in",))),
        ("handheld", Movement(is_handheld=True)),
        ("hand-held push in", Movement(("dolly in",), is_handheld=True)),
        ("Static", Movement()),
        ("locked-off tripod", Movement()),
        ("no camera movement", Movement()),
        ("static shot, no pan", Movement()),
        ("static, then a slow push in", Movement(("dolly in",), 0.6)),
        (None, DEFAULT),
        ("  ", DEFAULT),
        ("rack focus, pull focus", DEFAULT),
        ("Kamerafahrt 推", DEFAULT),
        ("the company's panda dollop", DEFAULT),
    ],
)
def test_movement_is_read_from_words(words, movement):
    """Words mean the movement that the module's table names; unknown words mean the default."""
    assert movement_of(words) == movement
    assert movement_of(describe(movement)) == movement
