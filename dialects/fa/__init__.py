"""The `fa` dialect: attention on tensors, and attention on tiles.

`fa.attention` says what is wanted (`attention`), operations at a function's boundary say what the
host does with arguments and results (`host_ops`), and operations on tiles, values that each fill
one block of an on-chip memory, say how it is done (`tile_memory`, `tile_products`, `tile_scores`,
`tile_softmax`, `tile_statistics`).
"""

from __future__ import annotations

from xdsl.ir import Dialect

from ..host_op import HostOp
from .attention import AttentionOp, YieldOp
from .host_ops import AdditiveOp, BroadcastOp, ConcatOp, CropOp, PadOp, ReshapeOp, TransposeOp
from .launch import LaunchOp
from .mapping_attrs import Family, FamilyAttr, PackingAttr
from .masks import MASKS
from .row_loop import RowLoopOp, group_of
from .run_time_lengths import LengthOp, LimitOp
from .tile_memory import CopyOp, FillOp, LoadOp, ResultOp, ScratchOp, StoreOp, TileOp, ViewOp
from .tile_products import Hiding, MatmulOp, RepackOp, ScaleOp, ScoresOp
from .tile_scores import MapOp, MaskOp
from .tile_softmax import (
    AccumulateOp,
    NormalizeOp,
    NormalizePackedOp,
    OnlineSoftmaxOp,
    ProbabilitiesOp,
    SinkOp,
    SoftmaxOp,
)
from .tile_statistics import CollectOp, CombineOp, LogsumexpOp, SpreadOp
from .type_access import tensor_dims, tensor_element, tile
from .types import HbmAttr, Space, SpaceAttr, TileType

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
    "Family",
    "FamilyAttr",
    "FillOp",
    "Hiding",
    "HostOp",
    "LaunchOp",
    "LengthOp",
    "LimitOp",
    "LoadOp",
    "LogsumexpOp",
    "MapOp",
    "MaskOp",
    "MatmulOp",
    "NormalizeOp",
    "NormalizePackedOp",
    "OnlineSoftmaxOp",
    "PackingAttr",
    "PadOp",
    "ProbabilitiesOp",
    "RepackOp",
    "ReshapeOp",
    "ResultOp",
    "RowLoopOp",
    "ScaleOp",
    "ScoresOp",
    "ScratchOp",
    "SinkOp",
    "SoftmaxOp",
    "Space",
    "SpaceAttr",
    "SpreadOp",
    "StoreOp",
    "TileOp",
    "TransposeOp",
    "ViewOp",
    "YieldOp",
    "group_of",
    "tensor_dims",
    "tensor_element",
    "tile",
]

FA = Dialect(
    "fa",
    [
        AttentionOp,
        LaunchOp,
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
        RepackOp,
        MapOp,
        MaskOp,
        LengthOp,
        LimitOp,
        SinkOp,
        SoftmaxOp,
        OnlineSoftmaxOp,
        ProbabilitiesOp,
        AccumulateOp,
        NormalizeOp,
        NormalizePackedOp,
        LogsumexpOp,
        SpreadOp,
        CollectOp,
        CombineOp,
        CopyOp,
        ScratchOp,
        ResultOp,
        RowLoopOp,
    ],
    [TileType, HbmAttr, SpaceAttr, FamilyAttr, PackingAttr, *MASKS],
)
