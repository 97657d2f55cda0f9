"""Which events go together, as a parser has learned: the maps of EAR (arXiv 2605.08723), Figures 4 and 5."""

from __future__ import annotations

from array_api_compat import array_namespace

from trainer.supervision.cells import Array


def symmetrised(matrix: Array) -> Array:
    """The mean of a matrix (..., C, C) and its transpose."""
    xp = array_namespace(matrix)
    return 0.5 * (matrix + xp.matrix_transpose(matrix))


def event_dependencies(audio: Array, visual: Array, joint: Array) -> tuple[Array, Array, Array]:
    """The maps of what is heard (C, C), of what is seen (C, C), and of both (2C, 2C; audio first).

    From the adjacencies (L, C, C), (L, C, C) and (L, 2C, 2C) of the L layers: their mean over the layers,
    symmetrised; to the map of both, the blocks of each modality are added. A module that a parser lacks is
    given as zeros.
    """
    audio, visual, joint = (_mean_map(adjacencies) for adjacencies in (audio, visual, joint))
    xp = array_namespace(joint)
    none = xp.zeros_like(audio)
    blocks = xp.concat([xp.concat([audio, none], axis=1), xp.concat([none, visual], axis=1)], axis=0)
    return audio, visual, joint + blocks


def _mean_map(adjacencies: Array) -> Array:
    xp = array_namespace(adjacencies)
    mean = xp.mean(xp.astype(adjacencies, xp.float64), axis=0)
    return xp.astype(symmetrised(mean), adjacencies.dtype)
