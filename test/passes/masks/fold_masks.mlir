// RUN: fa-opt %s --fold-masks | filecheck %s

// 64 causal queries, of which M_BTMV does four at a time: four rows of zeros and ones say which of 16
// columns each of the four has, and those of 16 queries are one of the four blocks of a tile.

// CHECK-LABEL: func.func @causal(
// CHECK:         [[H:%.*]] = arith.constant dense<{{.*}}> : tensor<64x64xbf16>
// CHECK-NEXT:    [[HS:%.*]] = mx.quantize [[H]]
// CHECK:         [[HT:%.*]] = fa.load [[HS]][{{.*}} -> !fa.tile<64x64xbf16, matrix>
// CHECK-NEXT:    [[C:%.*]] = arith.constant dense<{{.*}}> : tensor<4x64xbf16>
// CHECK:         [[CT:%.*]] = fa.load [[C]][{{.*}} -> !fa.tile<4x64xbf16, vector>
// CHECK:         [[Q:%.*]] = fa.load {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK:         [[K:%.*]] = fa.load {{.*}} -> !fa.tile<64x64xbf16, matrix>
// CHECK:         [[S:%.*]] = fa.scores [[Q]], [[K]] hide([[CT]], [[HT]] : {{.*}}choices = array<i64: 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3>, blocks = array<i64: 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3>}
// CHECK-NEXT:    fa.store [[S]]

func.func @causal(%Q: tensor<64x64xbf16>, %K: tensor<64x64xbf16>) -> tensor<64x64xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %output = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  scf.for %i = %c0 to %c4 step %c1 {
    %s = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
    %seen = fa.mask %s at [%c0, %c0, %c0, %c0] {kv_len = 64 : i64, mask = #fa.causal<offset = 0>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
    fa.store %seen, %output[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %O : tensor<64x64xbf16>
}

// Loads of two constants take longer than a row is added to each row of a single tile.

// CHECK-LABEL: func.func @once(
// CHECK-NOT:     hide
// CHECK:         fa.mask

func.func @once(%Q: tensor<64x64xbf16>, %K: tensor<64x64xbf16>) -> tensor<64x64xbf16> {
  %c0 = arith.constant 0 : index
  %output = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %seen = fa.mask %s at [%c0, %c0, %c0, %c0] {kv_len = 60 : i64} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  fa.store %seen, %output[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  %O = fa.result %output : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %O : tensor<64x64xbf16>
}
