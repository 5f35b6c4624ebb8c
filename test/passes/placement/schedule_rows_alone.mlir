// RUN: fa-opt %s --schedule-rows | filecheck %s

// Softmax, product and division of 8 queries and 64 keys. Nothing has been seen before, so the step starts
// the recurrence: the fills are gone, and the product takes the place of the accumulator. The load of V
// interrupts what is done row by row, and comes in front of it.

func.func @rows(%Q: tensor<8x64xbf16>, %K: tensor<64x64xbf16>, %Vt: tensor<64x64xbf16>) -> tensor<8x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector>
  %m = fa.fill 0xff800000 : f32 : !fa.tile<8xbf16, scalar>
  %l = fa.fill 0.0 : f32 : !fa.tile<8xbf16, scalar>
  %acc = fa.fill 0.0 : f32 : !fa.tile<8x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %q, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %p, %m1, %l1, %alpha = fa.online_softmax %s, %m, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar>
  %v = fa.load %Vt[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %pv = fa.matmul %p, %v {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %sum = fa.accumulate %acc, %pv rescale %alpha : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xbf16, scalar> -> !fa.tile<8x64xbf16, vector>
  %o = fa.normalize %sum, %l1 {factor = 4.0 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xbf16, scalar> -> !fa.tile<8x64xbf16, vector>
  fa.store %o, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16, #fa.hbm>
  %O = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %O : tensor<8x64xbf16>
}

// CHECK-LABEL: @rows
// CHECK-NOT:   fa.fill
// CHECK:       [[S:%.*]] = fa.scores
// CHECK-NEXT:  [[V:%.*]] = fa.load
// CHECK-NEXT:  [[O:%.*]] = fa.row_loop rows = 8 unroll = 4 {
// CHECK-NEXT:    [[P:%.*]], {{%.*}}, [[L:%.*]], {{%.*}} = fa.online_softmax [[S]] :
// CHECK-NEXT:    [[PV:%.*]] = fa.matmul [[P]], [[V]] {family = #fa.family<btmv>}
// CHECK-NEXT:    [[R:%.*]] = fa.normalize [[PV]], [[L]] {factor = 4.000000e+00 : f32}
// CHECK-NEXT:    fa.yield [[R]] :
// CHECK-NEXT:  } : !fa.tile<8x64xbf16, vector>
// CHECK-NEXT:  fa.store [[O]],
