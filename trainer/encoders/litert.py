"""Quantised LiteRT (TFLite) models, with a tensor from the middle of the network added to what they give."""

from __future__ import annotations

import importlib
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.encoders.encoding import EncoderError, Rows

_IDENTIFIER = b"TFL3"
_DAMAGE = (ValueError, RuntimeError, IndexError, AttributeError, TypeError, struct.error)
"""What the readers of the format raise over a file that is none."""


class LiteRtModel:
    """Gives, for one item, the model's own output and the tensor `pooled` as rows of floats.

    The file stays as it is: the tensor becomes an output of the graph in memory. Of several threads one at a
    time may call it. Raises EncoderError where the runtime is missing or the file is no such model.
    """

    def __init__(self, path: Path, pooled: str, threads: int = 1) -> None:
        interpreters = package("ai_edge_litert.interpreter")
        try:
            self._interpreter: Any = interpreters.Interpreter(
                model_content=_with_output(path, pooled), num_threads=threads
            )
            self._interpreter.allocate_tensors()
        except EncoderError:
            raise
        except _DAMAGE as error:
            raise EncoderError(f"{path}: cannot be read as a LiteRT model: {error}") from error
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()

    def __call__(self, item: NDArray[np.generic]) -> tuple[Rows, ...]:
        """An item without a batch axis, in the model's own type -> (width,) of each output."""
        self._interpreter.set_tensor(self._input["index"], item.reshape(self._input["shape"]))
        self._interpreter.invoke()
        return tuple(self._read(output) for output in self._outputs)

    def averages(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        """(batch, parts, *item) -> the mean of each one's parts, (batch, 1, width) of each output."""
        rows = [[self(part) for part in parts] for parts in items]
        outputs = (np.array([[part[i] for part in parts] for parts in rows]) for i in range(len(self._outputs)))
        return tuple(output.mean(axis=1, keepdims=True, dtype=np.float32) for output in outputs)

    def quantised(self, values: NDArray[np.floating[Any]]) -> NDArray[np.generic]:
        """Numbers in the model's own type of input."""
        kind = np.iinfo(self._input["dtype"])
        scale, zero = self._input["quantization"]
        quantised: NDArray[np.generic] = (
            np.round(values / scale + zero).clip(kind.min, kind.max).astype(kind.dtype)
        )
        return quantised

    def _read(self, output: dict[str, Any]) -> Rows:
        values = self._interpreter.get_tensor(output["index"]).reshape(-1)
        scale, zero = output["quantization"]
        if values.dtype.kind == "f":
            return np.asarray(values, np.float32)
        return np.asarray((values.astype(np.float32) - zero) * np.float32(scale), np.float32)


def class_names_in(path: Path) -> tuple[str, ...]:
    """The names of the classes, in the order of the scores: a list that is packed at the model's end."""
    try:
        with zipfile.ZipFile(path) as packed:
            (name,) = (name for name in packed.namelist() if name.endswith(".txt"))
            return tuple(packed.read(name).decode().splitlines())
    except (zipfile.BadZipFile, ValueError) as error:
        raise EncoderError(f"{path}: has no list of its classes inside") from error


def _with_output(path: Path, tensor: str) -> bytes:
    """The model with one more output: the tensor of this name (its end suffices)."""
    schema, flatbuffers = package("ai_edge_litert.schema_py_generated"), package("flatbuffers")
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph = model.subgraphs[0]
    found = [i for i, one in enumerate(graph.tensors) if (one.name or b"").decode().endswith(tensor)]
    if len(found) != 1:
        raise EncoderError(f"{path}: has {len(found)} tensors called {tensor}, not one: it is another model")
    graph.outputs = np.array([*graph.outputs, *found], np.int32)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def package(name: str) -> Any:
    """A package of the extra `encoders`. Raises EncoderError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EncoderError(
            f"this encoder needs the package {name.partition('.')[0]}, which is not installed: "
            "pip install 'avvp-studio[encoders]'"
        ) from error
