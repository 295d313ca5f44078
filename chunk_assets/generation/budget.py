"""The limit on a film's cost, checked before each request to a paid generator."""

from chunk_assets.errors import OverBudget, SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import Generator
from chunk_assets.generation.ledger import Ledger
from chunk_assets.usd import checked_usd


def check_budget(
    ledger: Ledger, price_usd: float, max_cost_usd: float | None, *, where: str, model: str
) -> None:
    """Check that a clip fits into the film's cost limit, counting failed and open attempts.

    Args:
        ledger: The film's ledger.
        price_usd: The clip's expected price.
        max_cost_usd: The film's cost limit; None for no limit.
        where: The chunk and its film, for the message.
        model: The model, for the message.

    Raises:
        OverBudget: The clip would exceed the limit.
        StorageError: The ledger cannot be read.
    """
    if max_cost_usd is None:
        return
    chunks = list(ledger.film())
    committed = sum(chunk.committed_usd for chunk in chunks)
    unknown = sum(chunk.unknown_usd for chunk in chunks)
    remaining = max_cost_usd - committed
    # Rounded to a hundredth of a cent: sums of floats are not exact.
    if round(price_usd - remaining, 4) > 0:
        lost = f" (${unknown:.2f} of it perhaps, where answers were lost)" if unknown else ""
        raise OverBudget(
            f"{where} would cost about ${price_usd:.2f} on {model}, and of the film's limit of "
            f"${max_cost_usd:.2f} only ${max(0.0, remaining):.2f} remains, with ${committed:.2f} "
            f"spent or in flight{lost}: raise max_cost_usd to continue; rendered chunks are kept",
            committed_usd=round(committed, 6),
            price_usd=price_usd,
            max_cost_usd=max_cost_usd,
        )


def clip_price(
    generator: Generator, num_frames: int, fps: FrameRate, size: tuple[int, int]
) -> float:
    """Return the price of a clip; 0 for a free generator.

    Raises:
        SpecError: The generator cannot make such a clip, or its price is not an amount.
    """
    seconds, longest = float(fps.seconds(num_frames)), generator.abilities.longest_seconds
    if longest is not None and seconds > longest:
        raise SpecError(
            f"the generator {generator.name!r} makes no clip of {seconds:g} s: {longest:g} s is "
            "the longest it makes, choose a shorter slot",
            measured=seconds,
            allowed=longest,
        )
    price = generator.price_usd(num_frames, fps, size)
    checked = checked_usd(price, f"the price that the generator {generator.name!r} names")
    return checked if generator.is_paid else 0.0
