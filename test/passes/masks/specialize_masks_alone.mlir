// RUN: fa-opt %s --specialize-masks | filecheck %s

// The first tile of queries sees the first tile of keys whole, the second in part, the third not; the
// second tile of queries sees two whole, in a loop, and the last in part.

// CHECK-LABEL: func.func @causal(
// CHECK-SAME:    [[Q:%.*]]: tensor<128x64xbf16>, [[K:%.*]]: tensor<192x64xbf16>, [[V:%.*]]: tensor<192x64xbf16>)
// CHECK-SAME:    fa.mask_tiles = [{{.*}} empty = 1 : i64, full = 3 : i64, partial = 2 : i64
// CHECK:         [[K0:%.*]] = fa.load [[K]]
// CHECK-NEXT:    [[S0:%.*]] = fa.scores {{.*}}, [[K0]]
// CHECK-NEXT:    {{.*}}, [[M0:%.*]], [[L0:%.*]], {{.*}} = fa.online_softmax [[S0]],
// CHECK:         [[C64:%.*]] = arith.constant 64 : index
// CHECK-NEXT:    [[K1:%.*]] = fa.load [[K]][[[C64]], {{.*}}]
// CHECK-NEXT:    [[S1:%.*]] = fa.scores {{.*}}, [[K1]]
// CHECK-NEXT:    [[SEEN:%.*]] = fa.mask [[S1]] at[{{.*}}, [[C64]]]
// CHECK-NEXT:    fa.online_softmax [[SEEN]], [[M0]], [[L0]]
// CHECK-NOT:     fa.scores
// CHECK:         fa.store
// CHECK:         [[C128:%.*]] = arith.constant 128 : index
// CHECK:         [[M:%.*]], [[L:%.*]], {{.*}} = scf.for [[J:%.*]] = {{.*}} to [[C128]] step
// CHECK-NEXT:      [[K2:%.*]] = fa.load [[K]][[[J]], {{.*}}]
// CHECK-NEXT:      [[S2:%.*]] = fa.scores {{.*}}, [[K2]]
// CHECK-NEXT:      fa.online_softmax [[S2]],
// CHECK:         }
// CHECK-NEXT:    [[LAST:%.*]] = arith.constant 128 : index
// CHECK-NEXT:    [[K3:%.*]] = fa.load [[K]][[[LAST]], {{.*}}]
// CHECK-NEXT:    [[S3:%.*]] = fa.scores {{.*}}, [[K3]]
// CHECK-NEXT:    [[END:%.*]] = fa.mask [[S3]] at[{{.*}}, [[LAST]]]
// CHECK-NEXT:    fa.online_softmax [[END]], [[M]], [[L]]

func.func @causal(%Q: tensor<128x64xbf16>, %K: tensor<192x64xbf16>, %V: tensor<192x64xbf16>) -> tensor<128x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c192 = arith.constant 192 : index
  %output = memref.alloc() : memref<128x64xbf16, #fa.hbm>
  scf.for %i = %c0 to %c128 step %c64 {
    %q = fa.load %Q[%i, %c0] : tensor<128x64xbf16> -> !fa.tile<64x64xbf16, vector>
    %m0 = fa.fill 0xff800000 : f32 : !fa.tile<64xbf16, scalar>
    %l0 = fa.fill 0.0 : f32 : !fa.tile<64xbf16, scalar>
    %a0 = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, vector>
    %m, %l, %a = scf.for %j = %c0 to %c192 step %c64 iter_args(%m1 = %m0, %l1 = %l0, %a1 = %a0) -> (!fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64x64xbf16, vector>) {
      %k = fa.load %K[%j, %c0] : tensor<192x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      %seen = fa.mask %s at [%c0, %c0, %i, %j] {kv_len = 192 : i64, mask = #fa.causal<offset = 64>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
      %p, %m2, %l2, %alpha = fa.online_softmax %seen, %m1, %l1 : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
      %v = fa.load %V[%j, %c0] : tensor<192x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %pv = fa.matmul %p, %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      %a2 = fa.accumulate %a1, %pv rescale %alpha : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
      scf.yield %m2, %l2, %a2 : !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64x64xbf16, vector>
    }
    %o = fa.normalize %a, %l : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
    fa.store %o, %output[%i, %c0] : !fa.tile<64x64xbf16, vector>, memref<128x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<128x64xbf16, #fa.hbm> -> tensor<128x64xbf16>
  func.return %O : tensor<128x64xbf16>
}
