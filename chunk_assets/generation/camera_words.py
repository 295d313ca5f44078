"""Camera movements in words: what a beat's `camera_movement` may say.

Case, hyphens, word order and inflection do not matter, and movements of different kinds combine
("slow push in, crane up, handheld"):

==================================  ================  ===========================================
words                               direction         what the frame does
==================================  ================  ===========================================
dolly, push, move                   **in**, out       comes closer; *out*: the middle recedes
pull                                in, **out**       the same (`camera` says why)
zoom                                **in**, out       the same: a flat picture has no parallax
pan, dolly, truck, track, move      left, **right**   the picture slides the other way
pan, tilt, pedestal, boom, move     **up**, down      the picture slides the other way
crane, jib                          **up**, down      the same, with the perspective of the height
orbit, arc, circle                  left, **right**   the side it goes to comes nearer
handheld, shaky                                       sways about the picture
static, locked off, still, fixed,                     holds perfectly still
tripod, hold, none, "no movement"
nothing, or anything else                             a slow dolly in
==================================  ================  ===========================================

In bold: the default direction (*move* has none). In, forward, closer and towards are one
direction; out, back and away another; clockwise (from above) is left.

Slow, gentle, subtle and slight moves go 0.6 times as far in the same time; fast, quick and rapid
ones 1.6 times; whip, swish, snap and crash moves 2.4 times, within 0.6 seconds.
"""

import re

from chunk_assets.generation.camera import Movement

SLOW, FAST = 0.6, 1.6
DEFAULT = Movement(("dolly in",), SLOW)

_DEPTH = {"in": "dolly in", "out": "dolly out"}
_SIDE = {"left": "truck left", "right": "truck right"}
_HEIGHT = {"up": "pedestal up", "down": "pedestal down"}
_PAN = {"right": "pan right", "left": "pan left", "up": "tilt up", "down": "tilt down"}
_ORBIT = {"left": "orbit left", "right": "orbit right"}

# Word → the moves it can mean by direction, and its default direction.
_MOVES: dict[str, tuple[dict[str, str], str | None]] = {
    r"doll(y|ies|ying|ied)|push(es|ing)?": (_DEPTH | _SIDE, "in"),
    r"pull(s|ing)?": (_DEPTH, "out"),
    r"zoom(s|ing)?": ({"in": "zoom in", "out": "zoom out"}, "in"),
    r"pan(s|ning)?": (_PAN, "right"),
    r"tilt(s|ing)?": ({"up": "tilt up", "down": "tilt down"}, "up"),
    r"truck(s|ing)?|track(s|ing)?": (_SIDE | _DEPTH, "right"),
    r"ped(estals?)?|booms?": (_HEIGHT, "up"),
    r"crane(s|d)?|craning|jibs?": ({"up": "crane up", "down": "crane down"}, "up"),
    r"orbit(s|ing)?|arc(s|ing)?|circl(es?|ing)": (_ORBIT, "right"),
    r"mov(es?|ing)": (_DEPTH | _SIDE | _HEIGHT, None),
}
_DIRECTIONS = {
    "in": r"in|into|inwards?|forwards?|closer|towards?",
    "out": r"out|outwards?|back|backwards?|away|reverse",
    "left": r"left|leftwards?|clockwise",
    "right": r"right|rightwards?|counterclockwise|anticlockwise",
    "up": r"up|upwards?|top",
    "down": r"down|downwards?|bottom",
}
# A flat picture cannot show "dolly in and zoom out": the first move of a kind wins.
_KINDS = {"dolly": 0, "zoom": 0, "pan": 1, "truck": 1, "tilt": 2, "pedestal": 2, "crane": 2}

_HANDHELD = re.compile(r"\b(handheld|hand held|shak(y|es|ing))\b")
_NOT = r"\b(?:no|not|without|never)\b[^,.;]*?"
_STATIC = re.compile(
    rf"\b(static|lock(ed)?|still|fixed|tripod|stationary|hold(s|ing)?|none)\b|{_NOT}\bmo(v|tion)"
)
_SLOW = re.compile(r"\b(slow|gentl|subtl|slight)\w*")
_FAST = re.compile(r"\b(fast|quick|rapid)\w*")
_WHIP = re.compile(r"\b(whip|swish|snap|crash)\w*")
_NOT_SO = re.compile(rf"{_NOT}(?=\bbut\b|\bthen\b|[,.;]|$)")
_FROM_TO = re.compile(r"\b(?:from )?(?:the )?(?:left|right|top|bottom|up|down) to (?:the )?(?=\w)")


def movement_of(text: str | None) -> Movement:
    """Parse the words of a beat's `camera_movement`; the table above lists them."""
    words = re.sub(r"[-_\s]+", " ", text or "").lower().replace("counter clock", "counterclock")
    stays = _STATIC.search(words)
    words = _FROM_TO.sub("", _NOT_SO.sub(" ", words))
    moves = _moves_of(re.findall(r"[a-z]+", words))
    is_handheld = bool(_HANDHELD.search(words))
    if not moves and not is_handheld:
        return Movement() if stays else DEFAULT
    pace = SLOW if _SLOW.search(words) else FAST if _FAST.search(words) else 1.0
    return Movement(moves, pace, is_whip=bool(_WHIP.search(words)), is_handheld=is_handheld)


def _moves_of(words: list[str]) -> tuple[str, ...]:
    verbs = [
        (index, choices, default)
        for index, word in enumerate(words)
        for pattern, (choices, default) in _MOVES.items()
        if re.fullmatch(pattern, word) and words[index + 1 : index + 2] != ["focus"]
    ]
    starts = [-1, *(index for index, *_ in verbs), len(words)]
    moves: dict[int, str] = {}
    for (at, choices, default), before, after in zip(verbs, starts, starts[2:], strict=False):
        # "pan slowly left" as well as "a slow left pan"; the words after the verb come first.
        near = [*words[at + 1 : after], *reversed(words[before + 1 : at])]
        said = (d for word in near for d in choices if re.fullmatch(_DIRECTIONS[d], word))
        direction = next(said, default)
        if direction:
            move = choices[direction]
            moves.setdefault(_KINDS.get(move.split()[0], 3), move)
    return tuple(moves.values())


def describe(movement: Movement) -> str:
    """Return a movement in words that `movement_of` understands."""
    if movement.is_static:
        return "static"
    pace = "whip " if movement.is_whip else {SLOW: "slow ", FAST: "fast "}.get(movement.pace, "")
    return pace + ", ".join([*movement.moves, *(["handheld"] if movement.is_handheld else [])])
