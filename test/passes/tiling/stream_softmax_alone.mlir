// RUN: fa-opt %s --stream-softmax="columns=64" | filecheck %s

// Rows of 128 scores in pieces of 64: first the statistics, then the probabilities.

// CHECK-LABEL: func.func @rows(
// CHECK:         [[SCORES:%.*]] = memref.alloc()
// CHECK-NEXT:    [[WEIGHTS:%.*]] = memref.alloc()
// CHECK:         [[M0:%.*]] = fa.fill 0xff800000 : f32
// CHECK-NEXT:    [[L0:%.*]] = fa.fill 0.000000e+00 : f32
// CHECK-NEXT:    [[MN:%.*]], [[LN:%.*]] = scf.for [[I:%.*]] = {{.*}} iter_args([[M:%.*]] = [[M0]], [[L:%.*]] = [[L0]])
// CHECK-NEXT:      [[S:%.*]] = fa.load [[SCORES]][{{.*}}, [[I]]] : {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:      {{.*}}, [[M1:%.*]], [[L1:%.*]], {{.*}} = fa.online_softmax [[S]], [[M]], [[L]]
// CHECK-NEXT:      scf.yield [[M1]], [[L1]]
// CHECK-NEXT:    }
// CHECK-NEXT:    scf.for [[J:%.*]] = {{.*}} {
// CHECK-NEXT:      [[T:%.*]] = fa.load [[SCORES]][{{.*}}, [[J]]] : {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:      [[P:%.*]] = fa.probabilities [[T]], [[MN]], [[LN]]
// CHECK-NEXT:      fa.store [[P]], [[WEIGHTS]][{{.*}}, [[J]]]
// CHECK-NEXT:    }
// CHECK-NOT:     fa.softmax

func.func @rows(%S: tensor<64x128xbf16>) -> tensor<64x128xbf16> {
  %c0 = arith.constant 0 : index
  %scores = memref.alloc() : memref<64x128xbf16, #fa.hbm>
  %weights = memref.alloc() : memref<64x128xbf16, #fa.hbm>
  %s = fa.load %S[%c0, %c0] : tensor<64x128xbf16> -> !fa.tile<64x128xbf16, vector>
  fa.store %s, %scores[%c0, %c0] : !fa.tile<64x128xbf16, vector>, memref<64x128xbf16, #fa.hbm>
  %t = fa.load %scores[%c0, %c0] : memref<64x128xbf16, #fa.hbm> -> !fa.tile<64x128xbf16, vector>
  %p, %m, %l = fa.softmax %t : !fa.tile<64x128xbf16, vector> -> !fa.tile<64x128xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  fa.store %p, %weights[%c0, %c0] : !fa.tile<64x128xbf16, vector>, memref<64x128xbf16, #fa.hbm>
  %P = fa.result %weights : memref<64x128xbf16, #fa.hbm> -> tensor<64x128xbf16>
  func.return %P : tensor<64x128xbf16>
}
