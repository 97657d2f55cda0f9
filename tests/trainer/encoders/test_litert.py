"""A network of three steps, written as a LiteRT file, gives what is in its middle too."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from trainer.encoders.encoding import EncoderError
from trainer.encoders.litert import LiteRtModel, class_names_in

schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
flatbuffers = pytest.importorskip("flatbuffers")

GIVEN = np.array([-1.0, 0.5, 2.0, -3.0], np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """x -> relu -> logistic."""
    network = schema.ModelT()
    network.version, network.buffers = 3, [schema.BufferT()]
    graph, operators = schema.SubGraphT(), (schema.BuiltinOperator.RELU, schema.BuiltinOperator.LOGISTIC)
    graph.tensors, network.operatorCodes, graph.operators = [], [], []
    for name in ("given", "net/middle", "scores"):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), [1, 4], schema.TensorType.FLOAT32
        graph.tensors.append(tensor)
    for i, kind in enumerate(operators):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 1
        operator.opcodeIndex, operator.inputs, operator.outputs = i, [i], [i + 1]
        network.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.inputs, graph.outputs, network.subgraphs = [0], [2], [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(network.Pack(builder), b"TFL3")
    path = tmp_path / "small.tflite"
    path.write_bytes(bytes(builder.Output()))
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("labels.txt", "Bark\nPurr\n")
    return path


def test_a_tensor_from_the_middle_comes_beside_the_output(model: Path) -> None:
    before = model.read_bytes()
    scores, middle = LiteRtModel(model, "net/middle")(GIVEN)
    np.testing.assert_allclose(middle, np.maximum(GIVEN, 0))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-np.maximum(GIVEN, 0))), rtol=1e-5)
    assert scores.dtype == middle.dtype == np.float32
    assert model.read_bytes() == before


def test_the_parts_of_an_item_are_averaged(model: Path) -> None:
    network = LiteRtModel(model, "middle")
    items = np.stack([[GIVEN, 3 * GIVEN], [GIVEN, GIVEN]])
    _, middle = network.averages(items)
    assert middle.shape == (2, 1, 4)
    np.testing.assert_allclose(middle[0, 0], 2 * np.maximum(GIVEN, 0))
    np.testing.assert_allclose(middle[1, 0], np.maximum(GIVEN, 0))


def test_class_names_are_packed_at_the_end_of_a_file(model: Path) -> None:
    assert class_names_in(model) == ("Bark", "Purr")


def test_another_model_or_no_model_at_all_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"small\.tflite: has 0 tensors called pooled"):
        LiteRtModel(model, "pooled")
    for content in (b"", b"no model", bytes(range(256)) * 10):
        (tmp_path / "bad.tflite").write_bytes(content)
        with pytest.raises(EncoderError, match=r"bad\.tflite: cannot be read"):
            LiteRtModel(tmp_path / "bad.tflite", "pooled")
        with pytest.raises(EncoderError, match="no list of its classes"):
            class_names_in(tmp_path / "bad.tflite")
