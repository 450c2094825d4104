"""Operations of torch and their counterparts in ONNX.

Arguments have the names and meanings of torch's own schemas; `result` is what
torch computed. Nothing here may depend on the first dimension, the batch.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lenet_sklearn.onnx_graph import Lowering, OnnxGraph

Call = Mapping[str, Any]


def _unary(operator: str, graph: OnnxGraph, call: Call) -> str:
    return graph.add(operator, call["self"])


def _binary(operator: str, graph: OnnxGraph, call: Call) -> str:
    if call.get("alpha", 1) != 1 or call.get("rounding_mode"):
        raise _refusal(f"{operator} with alpha or rounding_mode")
    return graph.add(operator, call["self"], call["other"])


def _same(graph: OnnxGraph, call: Call) -> str:
    return graph.name(call["self"])


def _reshape(graph: OnnxGraph, call: Call) -> str:
    """Give the shape torch gave; the first size is left to follow the batch."""
    return graph.add("Reshape", call["self"], [-1, *call["result"].shape[1:]])


def _expand(graph: OnnxGraph, call: Call) -> str:
    # A 1 in ONNX keeps the size that is there.
    return graph.add("Expand", call["self"], [1, *call["result"].shape[1:]])


def _permute(graph: OnnxGraph, call: Call) -> str:
    n_axes = call["self"].ndim
    axes = [axis % n_axes for axis in call["dims"]]
    return graph.add("Transpose", call["self"], perm=axes)


def _transpose(graph: OnnxGraph, call: Call) -> str:
    axes = list(range(call["self"].ndim))
    first, second = call.get("dim0", 0), call.get("dim1", -1)
    axes[first], axes[second] = axes[second], axes[first]
    return graph.add("Transpose", call["self"], perm=axes)


def _concatenate(graph: OnnxGraph, call: Call) -> str:
    return graph.add("Concat", *call["tensors"], axis=call["dim"])


def _slice(graph: OnnxGraph, call: Call) -> str:
    axis = call["dim"]
    size = call["self"].shape[axis]
    start, stop, step = slice(call["start"], call["end"], call["step"]).indices(size)
    if (start, stop, step) == (0, size, 1):
        return graph.name(call["self"])
    return graph.add("Slice", call["self"], [start], [stop], [axis], [step])


def _pad(graph: OnnxGraph, call: Call) -> str:
    """Pad with a constant; torch lists the last axis first, before then after."""
    pairs = [call["pad"][i : i + 2] for i in range(0, len(call["pad"]), 2)]
    pairs += [[0, 0]] * (call["self"].ndim - len(pairs))
    before, after = zip(*reversed(pairs), strict=True)
    return graph.add("Pad", call["self"], [*before, *after], float(call["value"]))


def _convolve(graph: OnnxGraph, call: Call) -> str:
    if call["transposed"]:
        raise _refusal("a transposed convolution")
    bias = [] if call["bias"] is None else [call["bias"]]
    if _covers_its_input(call):
        return _multiply_maps(graph, call, bias)
    return graph.add(
        "Conv",
        call["input"],
        call["weight"],
        *bias,
        strides=list(call["stride"]),
        pads=[*call["padding"], *call["padding"]],
        dilations=list(call["dilation"]),
        group=call["groups"],
    )


def _covers_its_input(call: Call) -> bool:
    """Say whether a convolution has one position only, as C5 has."""
    same = call["weight"].shape[1:] == call["input"].shape[1:]
    return same and not any(call["padding"]) and call["groups"] == 1


def _multiply_maps(graph: OnnxGraph, call: Call, bias: list[Tensor]) -> str:
    """Write a convolution with one position as a product, which is faster."""
    weights = call["weight"].flatten(1)
    rows = graph.add("Reshape", call["input"], [-1, weights.shape[1]])
    sums = graph.add("Gemm", rows, weights, *bias, transB=1)
    return graph.add("Reshape", sums, [-1, *call["result"].shape[1:]])


def _pool(operator: str, graph: OnnxGraph, call: Call) -> str:
    divisor = call.get("divisor_override")
    if call["ceil_mode"] or (divisor and any(_pair(call["padding"]))):
        raise _refusal(f"{operator} with ceil_mode, or with padding and divisor")
    settings: dict[str, Any] = {
        "kernel_shape": _pair(call["kernel_size"]),
        "strides": _pair(call["stride"] or call["kernel_size"]),
        "pads": _pair(call["padding"]) * 2,
    }
    if operator == "AveragePool":
        settings["count_include_pad"] = int(call["count_include_pad"])
    else:
        settings["dilations"] = _pair(call["dilation"])
    pooled = graph.add(operator, call["self"], **settings)
    if not divisor:
        return pooled
    height, width = settings["kernel_shape"]
    return graph.add("Mul", pooled, height * width / divisor)


def _multiply_add(graph: OnnxGraph, call: Call) -> str:
    return graph.add(
        "Gemm",
        call["mat1"],
        call["mat2"],
        call["self"],
        alpha=float(call["alpha"]),
        beta=float(call["beta"]),
    )


def _multiply_matrices(graph: OnnxGraph, call: Call) -> str:
    return graph.add("MatMul", call["self"], call["mat2"])


def _sum(graph: OnnxGraph, call: Call) -> str:
    kept = int(call["keepdim"])
    return graph.add("ReduceSum", call["self"], list(call["dim"]), keepdims=kept)


def _reduce(operator: str, graph: OnnxGraph, call: Call) -> str:
    axes, kept = list(call["dim"]), int(call["keepdim"])
    return graph.add(operator, call["self"], axes=axes, keepdims=kept)


def _softmax(operator: str, graph: OnnxGraph, call: Call) -> str:
    return graph.add(operator, call["self"], axis=call["dim"])


def _normalize_batch(graph: OnnxGraph, call: Call) -> str:
    means = call["running_mean"]
    weight, bias = call["weight"], call["bias"]
    return graph.add(
        "BatchNormalization",
        call["input"],
        torch.ones_like(means) if weight is None else weight,
        torch.zeros_like(means) if bias is None else bias,
        means,
        call["running_var"],
        epsilon=call["eps"],
    )


def _silu(graph: OnnxGraph, call: Call) -> str:
    return graph.add("Mul", call["self"], graph.add("Sigmoid", call["self"]))


def _subtract_from(graph: OnnxGraph, call: Call) -> str:
    return graph.add("Sub", call["other"], call["self"])


def _raise(graph: OnnxGraph, call: Call) -> str:
    exponent = call["exponent"]
    if not isinstance(exponent, Tensor) and exponent == 2:  # far faster than Pow
        return graph.add("Mul", call["self"], call["self"])
    return graph.add("Pow", call["self"], exponent)


def _leaky_relu(graph: OnnxGraph, call: Call) -> str:
    return graph.add("LeakyRelu", call["self"], alpha=float(call["negative_slope"]))


def _elu(graph: OnnxGraph, call: Call) -> str:
    if (call["scale"], call["input_scale"]) != (1, 1):
        raise _refusal("a scaled ELU")
    return graph.add("Elu", call["self"], alpha=float(call["alpha"]))


def _gelu(graph: OnnxGraph, call: Call) -> str:
    """x/2 (1 + erf(x / sqrt 2))."""
    if call["approximate"] != "none":
        raise _refusal("an approximate GELU")
    error = graph.add("Erf", graph.add("Mul", call["self"], 0.5**0.5))
    half = graph.add("Mul", call["self"], 0.5)
    return graph.add("Mul", half, graph.add("Add", error, 1.0))


def _clip(graph: OnnxGraph, call: Call) -> str:
    low = call.get("min", call.get("min_val"))
    high = call.get("max", call.get("max_val"))
    lowest = "" if low is None else float(low)
    highest = [] if high is None else [float(high)]
    return graph.add("Clip", call["self"], lowest, *highest)


def _resize(graph: OnnxGraph, call: Call) -> str:
    """Resize along each axis by a product with a matrix, which torch itself gives."""
    height, width = call["self"].shape[-2:]
    new_height, new_width = call["result"].shape[-2:]
    rows = _resizing_matrix(height, new_height)
    columns = _resizing_matrix(width, new_width)
    resized = graph.add("MatMul", call["self"], columns.T)
    return graph.add("MatMul", rows, resized)


def _resizing_matrix(size: int, new_size: int) -> Tensor:
    """Weights of each old pixel (column) in each new one (row)."""
    resized = torch.nn.functional.interpolate(
        torch.eye(size)[None, None], (new_size, size), mode="bilinear", antialias=True
    )
    return resized[0, 0]


def _pair(size: int | list[int]) -> list[int]:
    sizes = [size] if isinstance(size, int) else list(size)
    return sizes * 2 if len(sizes) == 1 else sizes


def _refusal(what: str) -> NotImplementedError:
    return NotImplementedError(
        f"LeNet5Classifier cannot write {what} to ONNX. Use layers without it, or"
        " torch.onnx.export(classifier.net_.module_, ...), which needs onnxscript."
    )


_UNARY = {
    "abs": "Abs",
    "erf": "Erf",
    "exp": "Exp",
    "log": "Log",
    "neg": "Neg",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}
_BINARY = {
    "add": "Add",
    "div": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "mul": "Mul",
    "sub": "Sub",
}
_SAME = ("_to_copy", "alias", "clone", "contiguous", "detach")
_RESHAPED = ("_unsafe_view", "reshape", "squeeze", "unsqueeze", "view")

LOWERINGS: dict[str, Lowering] = {
    **{name: partial(_unary, operator) for name, operator in _UNARY.items()},
    **{name: partial(_binary, operator) for name, operator in _BINARY.items()},
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_RESHAPED, _reshape),
    "_log_softmax": partial(_softmax, "LogSoftmax"),
    "_native_batch_norm_legit_no_training": _normalize_batch,
    "_softmax": partial(_softmax, "Softmax"),
    "_upsample_bilinear2d_aa": _resize,
    "addmm": _multiply_add,
    "amax": partial(_reduce, "ReduceMax"),
    "avg_pool2d": partial(_pool, "AveragePool"),
    "bmm": _multiply_matrices,
    "cat": _concatenate,
    "clamp": _clip,
    "constant_pad_nd": _pad,
    "convolution": _convolve,
    "elu": _elu,
    "expand": _expand,
    "gelu": _gelu,
    "hardtanh": _clip,
    "leaky_relu": _leaky_relu,
    "max_pool2d_with_indices": partial(_pool, "MaxPool"),
    "mean": partial(_reduce, "ReduceMean"),
    "mm": _multiply_matrices,
    "native_batch_norm": _normalize_batch,
    "permute": _permute,
    "pow": _raise,
    "rsub": _subtract_from,
    "silu": _silu,
    "slice": _slice,
    "sum": _sum,
    "t": _transpose,
    "transpose": _transpose,
}
