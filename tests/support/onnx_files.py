"""ONNX files as other makers write them: one linear layer, with inputs and outputs of any form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

#: The outputs that a file can have, and the nodes that make them from the logits ``x``; rows are added for shapes.
_NODES = {
    "logits": [("Identity", ["x"], {})],
    "chances": [("Softmax", ["x"], {"axis": -1})],
    "action": [("ArgMax", ["x"], {"axis": -1, "keepdims": 0})],
    "drawn": [("Multinomial", ["x"], {"dtype": TensorProto.INT64})],
    "values": [("ReduceMax", ["x"], {"axes": [-1], "keepdims": 1})],
    "flat": [("ReduceMax", ["x"], {"axes": [-1], "keepdims": 0})],
    "not_a_number": [("Div", ["none", "none"], {}), ("Add", ["x", "not_a_number"], {})],
    "beyond": [("ArgMax", ["x"], {"axis": -1, "keepdims": 0}), ("Add", ["beyond", "thousand"], {})],
}


def linear_file(
    path: Path, weights: NDArray[np.float32], outputs: tuple[str, ...], *, batch: Any = "batch", mask: bool = False
) -> Path:
    """Write a file whose logits are ``observation @ weights``, float32 [F, N], and −1e9 where a mask input forbids.

    ``batch`` is the name or the number of its rows; None makes a file for a single observation, [F].
    """
    rows = [] if batch is None else [batch]
    inputs = [helper.make_tensor_value_info("observation", TensorProto.FLOAT, [*rows, weights.shape[0]])]
    constants = {"weights": weights, "thousand": np.array(1000), "none": np.array(0, np.float32)}
    nodes = [helper.make_node("MatMul", ["observation", "weights"], ["all" if mask else "x"])]
    if mask:
        inputs.append(helper.make_tensor_value_info("action_mask", TensorProto.INT8, [*rows, weights.shape[1]]))
        constants["low"] = np.array(-1e9, np.float32)
        nodes += [
            helper.make_node("Cast", ["action_mask"], ["legal"], to=TensorProto.BOOL),
            helper.make_node("Where", ["legal", "all", "low"], ["x"]),
        ]
    for output in outputs:
        *before, last = _NODES[output]
        nodes += [helper.make_node(kind, given, [f"{output}_0"], **options) for kind, given, options in before]
        given = [f"{output}_0" if name == output else name for name in last[1]]
        nodes.append(helper.make_node(last[0], given, [output], **last[2]))
    whole = {"action", "drawn", "beyond"}
    declared = [
        helper.make_tensor_value_info(name, TensorProto.INT64 if name in whole else TensorProto.FLOAT, None)
        for name in outputs
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "linear", inputs, declared, tensors)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path
