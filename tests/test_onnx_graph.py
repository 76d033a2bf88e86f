"""ONNX: another runtime computes the same logits."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from s5core import checkpoint
from s5core.checkpoint import Checkpoint
from s5core.export.onnx_graph import OPSET, onnx_model
from s5core.export.source import ExportError, Source
from s5core.modules import to_unit
from s5core.steps import STEPS
from tests.helpers import EVERY_KIND, made_of

SHIPPED = [step.name for step in STEPS.values() if step.shipped]


def made(name: str) -> Checkpoint:
    return made_of(EVERY_KIND) if name == "by hand" else checkpoint.load(checkpoint.shipped_path(name))


@pytest.mark.parametrize("name", [*SHIPPED, "by hand"])
def test_onnxruntime_computes_the_same_logits(practice, name):
    network = made(name)
    content = onnx_model(Source(name, network.layers, network.recipe, network))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    images = to_unit(practice.validation_images[:100])
    for batch in (images, images[:1]):  # N is free
        (logits,) = session.run(["logits"], {"images": batch.numpy()})
        with torch.no_grad():
            expected = network.model()(batch).numpy()
        assert logits.shape == (len(batch), 10)
        assert np.abs(logits - expected).max() < 1e-4


def test_the_file_says_what_goes_in_and_what_comes_out():
    network = made("step5")
    model = onnx.load_from_string(onnx_model(Source("step5", network.layers, network.recipe, network)))
    told = {each.key: each.value for each in model.metadata_props}
    assert "in [0, 1]" in told["input"] and "softmax" in told["output"]
    assert model.opset_import[0].version == OPSET == int(told["opset"])
    assert [each.name for each in model.graph.input] == ["images"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_an_untrained_network_has_no_onnx():
    with pytest.raises(ExportError, match="The base net is not trained"):
        onnx_model(Source("base", STEPS["base"].layers, STEPS["base"].recipe, title="The base net"))
