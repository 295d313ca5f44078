"""Which of a film's pictures its model gets as reference pictures."""

from chunk_assets.deployment import deployment
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.schemas import Animatic


def reference_names(animatic: Animatic) -> tuple[str, ...]:
    """Return the file names of the pictures that the film's model gets beside a first picture.

    These are the product reference and the style guide, as far as the model takes them; none if it
    takes none, or if the manifest names no model.

    Raises:
        SpecError: The manifest names an unknown model.
    """
    model = _model(animatic)
    wanted = dict.fromkeys(filter(None, (animatic.product_reference, animatic.style_guide)))
    return tuple(wanted)[: model.abilities.references] if model else ()


def reference_note(animatic: Animatic) -> str | None:
    """Return one sentence if the film has a product reference that its model cannot use.

    Raises:
        SpecError: The manifest names an unknown model.
    """
    if not animatic.product_reference or reference_names(animatic):
        return None
    catalog = load_catalog(deployment().models)
    able = [model.name for model in catalog.values() if model.abilities.references]
    such = f", such as {' or '.join(able[:2])}" if able else ""
    model = _model(animatic)
    if model is None:
        return (
            "product_reference is stored, but not used: only a hosted model that takes reference "
            f"pictures uses it{such}."
        )
    why = " beside a first picture" if model.references else ""
    return (
        f"product_reference is stored, but not used: {model.name} takes no reference pictures{why}"
        f"; choose a model that does{such}."
    )


def _model(animatic: Animatic) -> HostedModel | None:
    if animatic.model is None:
        return None
    return load_catalog(deployment().models).find(animatic.model)
