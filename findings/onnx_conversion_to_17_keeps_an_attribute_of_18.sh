#!/usr/bin/env bash
# Guess:     onnx.version_converter returns a valid model or raises; so a file that torch.onnx.export writes with
#            opset_version=17 can be run.
# Versions:  onnx 1.23.2.
# Behaviour: for reductions with noop_with_empty_axes = 0, which is that attribute's default, a conversion from 18 to 17 moves
#            the axes from an input to an attribute and keeps noop_with_empty_axes, which 17 does not know. It does not raise;
#            the checker and runtimes refuse the result. torch 2.13's exporter writes this attribute and converts this way, so
#            the logits of torch.distributions.Categorical (a logsumexp) become such a file.
# Seen:      before: opset 18, valid
#            after: opset 17, attributes axes, keepdims, noop_with_empty_axes
#            the checker: Unrecognized attribute: noop_with_empty_axes for operator ReduceLogSumExp
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "onnx==1.23.2" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper, version_converter

node = helper.make_node("ReduceLogSumExp", ["x", "axes"], ["y"], keepdims=0, noop_with_empty_axes=0)
given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])
graph = helper.make_graph([node], "g", [given], [result], [numpy_helper.from_array(np.array([-1]), "axes")])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
checker.check_model(model)
print(f"before: opset {model.opset_import[0].version}, valid")
converted = version_converter.convert_version(model, 17)
(only,) = [one for one in converted.graph.node if one.op_type == "ReduceLogSumExp"]
names = sorted(attribute.name for attribute in only.attribute)
print(f"after: opset {converted.opset_import[0].version}, attributes {', '.join(names)}")
try:
    checker.check_model(converted)
    said = "valid"
except checker.ValidationError as error:
    said = str(error).splitlines()[0]
print(f"the checker: {said}")
assert names == ["axes", "keepdims", "noop_with_empty_axes"]
assert said == "Unrecognized attribute: noop_with_empty_axes for operator ReduceLogSumExp"
PY
venv/bin/python look.py
