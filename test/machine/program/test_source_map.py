"""Maps from instructions to operations, and their JSON."""

import pytest
from fa.machine.program.source_map import HOST, Source, SourceMap, SourceMapError
from hypothesis import given
from hypothesis import strategies as st

A, B = Source("fa.load %k", "a.mlir:3:1"), Source("fa.store")


def test_json_has_ranges():
    assert SourceMap([A, A, B, A]).to_json() == [
        {"op": "fa.load %k", "location": "a.mlir:3:1", "pcs": "0-1 3"},
        {"op": "fa.store", "location": "", "pcs": "2"},
    ]


@given(st.lists(st.sampled_from([A, B, HOST])))
def test_json_and_back(sources):
    again = SourceMap.from_json(SourceMap(sources).to_json(), len(sources))
    assert [again.at(pc) for pc in range(len(sources))] == sources


@pytest.mark.parametrize(
    "data",
    [
        [{"op": "x", "location": "", "pcs": "0-9"}],
        [{"op": "x", "location": "", "pcs": "a"}],
        [{"op": "x", "pcs": "0"}],
        ["x"],
        3,
    ],
)
def test_damaged_maps_are_refused(data):
    with pytest.raises(SourceMapError):
        SourceMap.from_json(data, 4)
