// RUN: fa-opt %s --tile --fuse --split-input-file | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile --fuse --specialize-masks --cse --canonicalize --split-input-file | filecheck %s

// A checkerboard with squares of one key: every tile is the same, lies in HBM once, and is loaded
// once. No loop is unrolled.

func.func @checkerboard(%Q: tensor<1x2x128x64xbf16>, %K: tensor<1x2x128x64xbf16>) -> tensor<1x2x128x64xbf16> {
  %O = fa.attention %Q, %K, %K mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %s = arith.addi %i, %j : index
    %c2 = arith.constant 2 : index
    %c0 = arith.constant 0 : index
    %r = arith.remui %s, %c2 : index
    %t = arith.cmpi eq, %r, %c0 : index
    fa.yield %t : i1
  } : tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %O : tensor<1x2x128x64xbf16>
}

// BEFORE-LABEL: @checkerboard
// BEFORE:         scf.for %kv_head
// BEFORE:           scf.for %row
// BEFORE:             scf.for %key
// BEFORE:               fa.mask %s at[%{{.*}}, %kv_head, %row, %key] mask_mod {
// BEFORE:                 arith.remui
// BEFORE:               } {kv_len = 128 : i64}
// BEFORE:               fa.online_softmax %s_masked, %m_2, %l_2 :

// CHECK-LABEL: @checkerboard
// CHECK-SAME:    fa.mask_tiles = [{where = {{.*}} rows = 64 : i64, cols = 64 : i64, empty = 0 : i64, full = 0 : i64, partial = 8 : i64, distinct = 1 : i64, stored = 1 : i64}]
// CHECK-NEXT:    %masks = arith.constant dense<{{.*}}> : tensor<1x64x64xbf16>
// CHECK:         %hidden = fa.load %masks[%c0, %c0, %c0] : tensor<1x64x64xbf16> -> !fa.tile<64x64xbf16, vector>
// CHECK:         scf.for %kv_head
// CHECK:           scf.for %row = %c0 to %c128 step %c64
// CHECK:             scf.for %key = %c0 to %c128 step %c64
// CHECK:               %s_masked = fa.mask %s at[%c0, %c0, %c0, %c0] hidden(%hidden : !fa.tile<64x64xbf16, vector>) {kv_len = 128 : i64}
// CHECK-NOT:         fa.mask %

// -----

// Heads that differ: head 0 sees the keys up to 63, the others all. Loops are cut between heads 0
// and 1, and nothing is masked.

func.func @heads(%Q: tensor<1x3x64x64xbf16>, %K: tensor<1x3x128x64xbf16>) -> tensor<1x3x64x64xbf16> {
  %O = fa.attention %Q, %K, %K mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %other = arith.cmpi ne, %h, %c0 : index
    %near = arith.cmpi slt, %j, %c64 : index
    %t = arith.ori %other, %near : i1
    fa.yield %t : i1
  } : tensor<1x3x64x64xbf16>, tensor<1x3x128x64xbf16>, tensor<1x3x128x64xbf16> -> tensor<1x3x64x64xbf16>
  func.return %O : tensor<1x3x64x64xbf16>
}

// CHECK-LABEL: @heads
// CHECK-SAME:    empty = 1 : i64, full = 5 : i64, partial = 0 : i64
// CHECK-NOT:     fa.mask %
// CHECK:         fa.load %Q[%c0, %c0, %c0, %c0]
// CHECK:         fa.load %K[%c0, %c0, %c0, %c0]
// CHECK:         scf.for %kv_head = %c1 to %c3 step %c1
// CHECK:           scf.for %key = %c0 to %c128 step %c64
// CHECK-NOT:     fa.mask %
// CHECK:         func.return

// -----

// Every tile differs: key 7 times the query number is hidden. Tiles follow one another, and so do
// the loads: the loops stay, numbered from 0.

func.func @different(%Q: tensor<1x1x128x64xbf16>, %K: tensor<1x1x128x64xbf16>) -> tensor<1x1x128x64xbf16> {
  %O = fa.attention %Q, %K, %K mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %c7 = arith.constant 7 : index
    %c11 = arith.constant 11 : index
    %c0 = arith.constant 0 : index
    %m = arith.muli %i, %i : index
    %s = arith.addi %m, %j : index
    %n = arith.muli %s, %c7 : index
    %r = arith.remui %n, %c11 : index
    %t = arith.cmpi ne, %r, %c0 : index
    fa.yield %t : i1
  } : tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16> -> tensor<1x1x128x64xbf16>
  func.return %O : tensor<1x1x128x64xbf16>
}

// CHECK-LABEL: @different
// CHECK-SAME:    partial = 4 : i64, distinct = 4 : i64, stored = 4 : i64
// CHECK:         tensor<4x64x64xbf16>
// CHECK:         scf.for %row = %c0 to %c2 step %c1
// CHECK:           scf.for %key = %c0 to %c2 step %c1
// CHECK:             %[[ROW:.*]] = arith.muli %row, %c2 : index
// CHECK-NEXT:        %[[AT:.*]] = arith.addi %[[ROW]], %key : index
// CHECK-NEXT:        %hidden = fa.load %masks[%[[AT]], %c0, %c0]
// CHECK-NEXT:        fa.mask {{.*}} hidden(%hidden
