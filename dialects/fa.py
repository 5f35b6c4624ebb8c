"""The `fa` dialect: attention on tensors, and attention on tiles.

`fa.attention` says what is wanted (`fa_attention`), operations at a function's boundary say what
the host does with arguments and results (`fa_boundary`), and operations on tiles, values that each
fill one block of an on-chip memory, say how it is done (`fa_tiles`, `fa_steps`).
"""

from __future__ import annotations

from xdsl.ir import Dialect

from .fa_attention import AttentionOp, YieldOp
from .fa_attrs import HbmAttr, TileType
from .fa_boundary import (
    AdditiveOp,
    BroadcastOp,
    ConcatOp,
    CropOp,
    PadOp,
    ReshapeOp,
    TransposeOp,
)
from .fa_mapping import PackingAttr, RowLoopAttr
from .fa_masks import MASKS
from .fa_steps import (
    AccumulateOp,
    CollectOp,
    CombineOp,
    LogsumexpOp,
    MapOp,
    MaskOp,
    MatmulOp,
    NormalizeOp,
    OnlineSoftmaxOp,
    ProbabilitiesOp,
    ScaleOp,
    ScoresOp,
    SinkOp,
    SoftmaxOp,
    SpreadOp,
)
from .fa_tiles import CopyOp, FillOp, LoadOp, ResultOp, ScratchOp, StoreOp, TileOp, ViewOp
from .fa_values import tensor_dims, tensor_element, tile

__all__ = [
    "FA",
    "AccumulateOp",
    "AdditiveOp",
    "AttentionOp",
    "BroadcastOp",
    "CollectOp",
    "CombineOp",
    "ConcatOp",
    "CopyOp",
    "CropOp",
    "FillOp",
    "LoadOp",
    "LogsumexpOp",
    "MapOp",
    "MaskOp",
    "MatmulOp",
    "NormalizeOp",
    "OnlineSoftmaxOp",
    "PackingAttr",
    "PadOp",
    "ProbabilitiesOp",
    "ReshapeOp",
    "ResultOp",
    "RowLoopAttr",
    "ScaleOp",
    "ScoresOp",
    "ScratchOp",
    "SinkOp",
    "SoftmaxOp",
    "SpreadOp",
    "StoreOp",
    "TileOp",
    "TransposeOp",
    "ViewOp",
    "YieldOp",
    "tensor_dims",
    "tensor_element",
    "tile",
]

FA = Dialect(
    "fa",
    [
        AttentionOp,
        YieldOp,
        ReshapeOp,
        TransposeOp,
        ConcatOp,
        AdditiveOp,
        BroadcastOp,
        PadOp,
        CropOp,
        LoadOp,
        ViewOp,
        StoreOp,
        FillOp,
        ScaleOp,
        ScoresOp,
        MatmulOp,
        MapOp,
        MaskOp,
        SinkOp,
        SoftmaxOp,
        OnlineSoftmaxOp,
        ProbabilitiesOp,
        AccumulateOp,
        NormalizeOp,
        LogsumexpOp,
        SpreadOp,
        CollectOp,
        CombineOp,
        CopyOp,
        ScratchOp,
        ResultOp,
    ],
    [TileType, HbmAttr, PackingAttr, RowLoopAttr, *MASKS],
)
