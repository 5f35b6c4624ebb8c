// RUN: fa-opt %s --fuse | filecheck %s

// Three nests, which hand on scores and probabilities in HBM, become one, which keeps them on chip.

// CHECK-LABEL: func.func @standard(
// CHECK-SAME:    [[Q:%.*]]: tensor<128x64xbf16>, [[K:%.*]]: tensor<192x64xbf16>, [[V:%.*]]: tensor<192x64xbf16>)
// CHECK-NOT:     memref<128x192xbf16
// CHECK:         [[OUT:%.*]] = memref.alloc() : memref<128x64xbf16, #fa.hbm>
// CHECK-NEXT:    scf.for [[I:%.*]] = {{.*}} {
// CHECK-NEXT:      [[QT:%.*]] = fa.load [[Q]][[[I]], {{.*}}]
// CHECK-NEXT:      [[M0:%.*]] = fa.fill 0xff800000 : f32 : !fa.tile<64xf32, scalar>
// CHECK-NEXT:      [[L0:%.*]] = fa.fill 0.000000e+00 : f32 : !fa.tile<64xf32, scalar>
// CHECK-NEXT:      [[A0:%.*]] = fa.fill 0.000000e+00 : f32 : !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:      [[MN:%.*]], [[LN:%.*]], [[AN:%.*]] = scf.for [[J:%.*]] = {{.*}} iter_args([[M:%.*]] = [[M0]], [[L:%.*]] = [[L0]], [[A:%.*]] = [[A0]])
// CHECK-NEXT:        [[KT:%.*]] = fa.load [[K]][[[J]], {{.*}}]
// CHECK-NEXT:        [[S:%.*]] = fa.scores [[QT]], [[KT]]
// CHECK-NEXT:        [[P:%.*]], [[M1:%.*]], [[L1:%.*]], [[ALPHA:%.*]] = fa.online_softmax [[S]], [[M]], [[L]]
// CHECK-NEXT:        [[VT:%.*]] = fa.load [[V]][[[J]], {{.*}}]
// CHECK-NEXT:        [[PV:%.*]] = fa.matmul [[P]], [[VT]]
// CHECK-NEXT:        [[A1:%.*]] = fa.accumulate [[A]], [[PV]] rescale [[ALPHA]]
// CHECK-NEXT:        scf.yield [[M1]], [[L1]], [[A1]]
// CHECK-NEXT:      }
// CHECK-NEXT:      [[O:%.*]] = fa.normalize [[AN]], [[LN]]
// CHECK-NEXT:      fa.store [[O]], [[OUT]][[[I]], {{.*}}]
// CHECK-NEXT:    }

func.func @standard(%Q: tensor<128x64xbf16>, %K: tensor<192x64xbf16>, %V: tensor<192x64xbf16>) -> tensor<128x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c192 = arith.constant 192 : index
  %scores = memref.alloc() : memref<128x192xbf16, #fa.hbm>
  %weights = memref.alloc() : memref<128x192xbf16, #fa.hbm>
  %output = memref.alloc() : memref<128x64xbf16, #fa.hbm>
  scf.for %i = %c0 to %c128 step %c64 {
    %q = fa.load %Q[%i, %c0] : tensor<128x64xbf16> -> !fa.tile<64x64xbf16, vector>
    scf.for %j = %c0 to %c192 step %c64 {
      %k = fa.load %K[%j, %c0] : tensor<192x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      fa.store %s, %scores[%i, %j] : !fa.tile<64x64xbf16, vector>, memref<128x192xbf16, #fa.hbm>
    }
  }
  scf.for %i = %c0 to %c128 step %c64 {
    %s = fa.load %scores[%i, %c0] : memref<128x192xbf16, #fa.hbm> -> !fa.tile<64x192xbf16, vector>
    %p, %m, %l = fa.softmax %s : !fa.tile<64x192xbf16, vector> -> !fa.tile<64x192xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
    fa.store %p, %weights[%i, %c0] : !fa.tile<64x192xbf16, vector>, memref<128x192xbf16, #fa.hbm>
  }
  scf.for %i = %c0 to %c128 step %c64 {
    %zero = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, vector>
    %acc = scf.for %j = %c0 to %c192 step %c64 iter_args(%sum = %zero) -> (!fa.tile<64x64xbf16, vector>) {
      %p = fa.load %weights[%i, %j] : memref<128x192xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector>
      %v = fa.load %V[%j, %c0] : tensor<192x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %pv = fa.matmul %p, %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      %next = fa.accumulate %sum, %pv : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
      scf.yield %next : !fa.tile<64x64xbf16, vector>
    }
    fa.store %acc, %output[%i, %c0] : !fa.tile<64x64xbf16, vector>, memref<128x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<128x64xbf16, #fa.hbm> -> tensor<128x64xbf16>
  func.return %O : tensor<128x64xbf16>
}
