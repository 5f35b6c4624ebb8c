// RUN: fa-opt %s --canonicalize --split-input-file | filecheck %s --check-prefix=CANON
// RUN: fa-opt %s --cse --canonicalize --dce --split-input-file | filecheck %s --check-prefix=CLEAN

// A tile times 1 is the tile, unless that converts or moves it.

func.func @scale(%a: !fa.tile<8x64xbf16, vector>, %b: !fa.tile<8x64xbf16, vector at 0>)
    -> (!fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xf32, vector>, !fa.tile<8x64xbf16, vector at 512>) {
  %0 = fa.scale %a by 1.0 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %1 = fa.scale %a by 2.0 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %2 = fa.scale %a by 1.0 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xf32, vector>
  %3 = fa.scale %b by 1.0 : f32 : !fa.tile<8x64xbf16, vector at 0> -> !fa.tile<8x64xbf16, vector at 512>
  func.return %0, %1, %2, %3 : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xf32, vector>, !fa.tile<8x64xbf16, vector at 512>
}
// CANON-LABEL: @scale
// CANON-NEXT:    [[B:%.*]] = fa.scale %a by 2.000000e+00
// CANON-NEXT:    [[C:%.*]] = fa.scale %a by 1.000000e+00
// CANON-NEXT:    [[D:%.*]] = fa.scale %b by 1.000000e+00
// CANON-NEXT:    func.return %a, [[B]], [[C]], [[D]]

// -----

// Without addresses tiles are values: equal loads are one, unused ones go.

func.func @values(%x: tensor<64x64xbf16>, %i: index) -> (!fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>) {
  %unused = fa.load %x[%i, %i] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %a = fa.load %x[%i, %i] : tensor<64x64xbf16> -> !fa.tile<8x64xbf16, vector>
  %b = fa.load %x[%i, %i] : tensor<64x64xbf16> -> !fa.tile<8x64xbf16, vector>
  func.return %a, %b : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>
}
// CLEAN-LABEL: @values
// CLEAN-NEXT:    %a = fa.load
// CLEAN-NEXT:    func.return %a, %a

// -----

// With addresses they are memory: the second load brings back what the fill has overwritten.

func.func @memory(%x: tensor<8x64xbf16>, %i: index) {
  %out = memref.alloc() : memref<16x64xbf16, #fa.hbm>
  %a = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
  fa.store %a, %out[%i, %i] : !fa.tile<8x64xbf16, vector at 0>, memref<16x64xbf16, #fa.hbm>
  %f = fa.fill 0.0 : f32 : !fa.tile<8x64xbf16, vector at 0>
  fa.store %f, %out[%i, %i] : !fa.tile<8x64xbf16, vector at 0>, memref<16x64xbf16, #fa.hbm>
  %b = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
  fa.store %b, %out[%i, %i] : !fa.tile<8x64xbf16, vector at 0>, memref<16x64xbf16, #fa.hbm>
  func.return
}
// CLEAN-LABEL: @memory
// CLEAN:         %a = fa.load
// CLEAN-NEXT:    fa.store %a
// CLEAN-NEXT:    %f = fa.fill
// CLEAN-NEXT:    fa.store %f
// CLEAN-NEXT:    %b = fa.load
// CLEAN-NEXT:    fa.store %b

// -----

// Buffers in HBM are memory at any level: the second load sees the store between.

func.func @buffers(%i: index, %a: !fa.tile<8x64xbf16, vector>) -> (!fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>) {
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %b = fa.load %out[%i, %i] : memref<8x64xbf16, #fa.hbm> -> !fa.tile<8x64xbf16, vector>
  fa.store %a, %out[%i, %i] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16, #fa.hbm>
  %c = fa.load %out[%i, %i] : memref<8x64xbf16, #fa.hbm> -> !fa.tile<8x64xbf16, vector>
  func.return %b, %c : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>
}
// CLEAN-LABEL: @buffers
// CLEAN:         %b = fa.load
// CLEAN-NEXT:    fa.store
// CLEAN-NEXT:    %c = fa.load
// CLEAN-NEXT:    func.return %b, %c

// -----

// Scratch room is overwritten: two masks that share it stay two, and a fill of it is a write too.

func.func @scratch(%s: !fa.tile<8x64xbf16, vector at 512>, %i: index) {
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %room = fa.scratch : !fa.tile<2x64xbf16, vector at 0>
  %a = fa.mask %s at [%i, %i, %i, %i] scratch %room {kv_len = 8 : i64} : !fa.tile<8x64xbf16, vector at 512>, !fa.tile<2x64xbf16, vector at 0> -> !fa.tile<8x64xbf16, vector at 1024>
  fa.store %a, %out[%i, %i] : !fa.tile<8x64xbf16, vector at 1024>, memref<8x64xbf16, #fa.hbm>
  %b = fa.mask %s at [%i, %i, %i, %i] scratch %room {kv_len = 8 : i64} : !fa.tile<8x64xbf16, vector at 512>, !fa.tile<2x64xbf16, vector at 0> -> !fa.tile<8x64xbf16, vector at 1024>
  fa.store %b, %out[%i, %i] : !fa.tile<8x64xbf16, vector at 1024>, memref<8x64xbf16, #fa.hbm>
  func.return
}
// CLEAN-LABEL: @scratch
// CLEAN:         %room = fa.scratch
// CLEAN-NEXT:    %a = fa.mask
// CLEAN-NEXT:    fa.store %a
// CLEAN-NEXT:    %b = fa.mask
// CLEAN-NEXT:    fa.store %b

// -----

// Attention on tensors is a value.

func.func @attention(%q: tensor<1x1x8x64xbf16>) -> (tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>) {
  %a = fa.attention %q, %q, %q : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  %b = fa.attention %q, %q, %q : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  %c = fa.attention %q, %q, %q {mask = #fa.causal} : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  func.return %a, %b : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>
}
// CLEAN-LABEL: @attention
// CLEAN-NEXT:    %a = fa.attention
// CLEAN-NEXT:    func.return %a, %a
