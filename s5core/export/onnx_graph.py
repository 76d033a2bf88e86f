"""A trained network as ONNX: one node for each layer, from grey values in [0, 1] to logits.

The input is "images", (N, 1, 28, 28) float32 with 0 for paper and 1 for ink; the first two nodes normalise
it. The output is "logits", (N, 10) float32. N is free. The file's metadata says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from s5core.export.source import Source
from s5core.layers import (
    CLASSES,
    INPUT_SHAPE,
    Conv,
    Crop,
    Dropout,
    GlobalAvgPool,
    MaxPool,
    layer_modules,
    shapes,
)
from s5core.modules import MEAN, STD

OPSET = 17  # of 2022; runtimes read older ones too
VERSION = 8  # of the file's format, which came with that opset


def onnx_model(source: Source) -> bytes:
    """The file. Raises ExportError for a network that is not trained."""
    made = source.checkpoint()
    import onnx  # takes a while, and most sessions export nothing

    graph = _Graph()
    graph.add("Sub", [graph.constant("mean", torch.tensor(MEAN))])
    graph.add("Div", [graph.constant("deviation", torch.tensor(STD))])
    for i, ((layer, shape, _), module) in enumerate(
        zip(shapes(made.layers), layer_modules(made.model()), strict=True)
    ):
        match layer:
            case Conv():
                names = [graph.constant(f"{i}.{name}", tensor) for name, tensor in module.named_parameters()]
                graph.add(
                    "Conv",
                    names,
                    kernel_shape=[layer.kernel] * 2,
                    strides=[layer.stride] * 2,
                    pads=[layer.padding] * 4,
                    group=layer.groups,
                )
            case MaxPool():
                graph.add("MaxPool", kernel_shape=[layer.size] * 2, strides=[layer.size] * 2)
            case Crop():
                margin = (shape[1] - layer.size) // 2
                ends = {"starts": [margin] * 2, "ends": [margin + layer.size] * 2, "axes": [2, 3]}
                graph.add(
                    "Slice",
                    [graph.constant(f"{i}.{name}", torch.tensor(values)) for name, values in ends.items()],
                )
            case GlobalAvgPool():
                graph.add("GlobalAveragePool")
            case Dropout():
                pass  # works in training only
            case _ if isinstance(module, nn.BatchNorm2d):
                named = {
                    "weight": module.weight,
                    "bias": module.bias,
                    "mean": module.running_mean,
                    "variance": module.running_var,
                }
                graph.add(
                    "BatchNormalization",
                    [
                        graph.constant(f"{i}.{name}", tensor)
                        for name, tensor in named.items()
                        if tensor is not None
                    ],
                    epsilon=module.eps,
                )
            case _ if isinstance(module, nn.ReLU):
                graph.add("Relu")
            case _ if isinstance(module, nn.SiLU):
                before = graph.last
                graph.add("Sigmoid")
                graph.add("Mul", [before])
            case _:
                raise TypeError(f"{type(layer).__name__} has no node yet: add it here")
    graph.add("Flatten", axis=1)
    if made.temperature != 1:
        graph.add("Div", [graph.constant("temperature", torch.tensor(made.temperature))])
    graph.end("logits")

    floats, value = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            source.name,
            [value("images", floats, ["N", *INPUT_SHAPE])],
            [value("logits", floats, ["N", CLASSES])],
            graph.constants,
        ),
        producer_name="five-steps",
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=VERSION,
    )
    onnx.helper.set_model_props(
        model,
        {
            "input": "images: (N, 1, 28, 28) float32 in [0, 1], 0 is paper and 1 is ink; not normalised",
            "output": "logits: (N, 10) float32, one for each digit 0 to 9; softmax gives probabilities",
            "opset": str(OPSET),
            "accuracy": f"{made.accuracy:.2f} % of the validation digits ({made.data})",
            "parameters": str(made.parameters),
        },
    )
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


class _Graph:
    """A chain of nodes, each of which takes the last one's output first."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "images"

    def constant(self, name: str, values: Tensor) -> str:
        """Keep a tensor in the file; returns its name."""
        import onnx

        self.constants.append(onnx.numpy_helper.from_array(values.detach().contiguous().numpy(), name))
        return name

    def add(self, kind: str, more: Sequence[str] = (), **attributes: Any) -> None:
        """Add a node with further inputs."""
        import onnx

        output = f"{len(self.nodes)}.{kind}"
        self.nodes.append(onnx.helper.make_node(kind, [self.last, *more], [output], output, **attributes))
        self.last = output

    def end(self, name: str) -> None:
        """Give the last node's output this name."""
        self.nodes[-1].output[0] = name
