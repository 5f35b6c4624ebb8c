// RUN: fa-opt %s --slide-keys | filecheck %s

// Of 512 keys a tile of 64 queries sees two tiles of keys, the first one sees one: keys are looped over
// from where it begins to see, the first tile of queries by itself, the others in one loop.

// CHECK-LABEL: func.func @window(
// CHECK-SAME:    [[Q:%.*]]: tensor<512x64xbf16>, [[K:%.*]]: tensor<512x64xbf16>, [[V:%.*]]: tensor<512x64xbf16>)
// CHECK-SAME:    fa.mask_tiles = [{{.*}} empty = 49 : i64, full = 0 : i64, partial = 15 : i64
// CHECK:         fa.fill 0.000000e+00 : f32 : !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:    arith.constant 0 : index
// CHECK-NEXT:    [[END:%.*]] = arith.constant 64 : index
// CHECK-NEXT:    [[STEP:%.*]] = arith.constant 64 : index
// CHECK-NEXT:    {{.*}} = scf.for [[J:%.*]] = {{.*}} to [[END]] step [[STEP]]
// CHECK-NEXT:      fa.load [[K]][[[J]], {{.*}}]
// CHECK:         [[SEVEN:%.*]] = arith.constant 7 : index
// CHECK:         scf.for [[PERIOD:%.*]] = {{.*}} to [[SEVEN]] step
// CHECK:           [[BASE:%.*]] = arith.muli [[PERIOD]],
// CHECK-NEXT:      [[ROW:%.*]] = arith.addi {{.*}}, [[BASE]] : index
// CHECK-NEXT:      fa.load [[Q]][[[ROW]], {{.*}}]
// CHECK:           [[TWO:%.*]] = arith.constant 128 : index
// CHECK:           scf.for [[I:%.*]] = {{.*}} to [[TWO]] step
// CHECK:             [[FIRST:%.*]] = arith.muli [[PERIOD]],
// CHECK-NEXT:        [[KEY:%.*]] = arith.addi [[FIRST]], [[I]] : index
// CHECK-NEXT:        fa.load [[K]][[[KEY]], {{.*}}]
// CHECK:             fa.mask {{.*}} at[{{.*}}, {{.*}}, [[ROW]], [[KEY]]]
// CHECK:             fa.load [[V]][[[KEY]], {{.*}}]
// CHECK:           fa.store {{.*}}[[[ROW]], {{.*}}]

func.func @window(%Q: tensor<512x64xbf16>, %K: tensor<512x64xbf16>, %V: tensor<512x64xbf16>) -> tensor<512x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c512 = arith.constant 512 : index
  %output = memref.alloc() : memref<512x64xbf16, #fa.hbm>
  scf.for %i = %c0 to %c512 step %c64 {
    %q = fa.load %Q[%i, %c0] : tensor<512x64xbf16> -> !fa.tile<64x64xbf16, vector>
    %m0 = fa.fill 0xff800000 : f32 : !fa.tile<64xbf16, scalar>
    %l0 = fa.fill 0.0 : f32 : !fa.tile<64xbf16, scalar>
    %a0 = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, vector>
    %m, %l, %a = scf.for %j = %c0 to %c512 step %c64 iter_args(%m1 = %m0, %l1 = %l0, %a1 = %a0) -> (!fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64x64xbf16, vector>) {
      %k = fa.load %K[%j, %c0] : tensor<512x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      %seen = fa.mask %s at [%c0, %c0, %i, %j] {kv_len = 512 : i64, mask = #fa.window<left = 64, right = 0, offset = 0>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
      %p, %m2, %l2, %alpha = fa.online_softmax %seen, %m1, %l1 : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
      %v = fa.load %V[%j, %c0] : tensor<512x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %pv = fa.matmul %p, %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      %a2 = fa.accumulate %a1, %pv rescale %alpha : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
      scf.yield %m2, %l2, %a2 : !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64x64xbf16, vector>
    }
    %o = fa.normalize %a, %l : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
    fa.store %o, %output[%i, %c0] : !fa.tile<64x64xbf16, vector>, memref<512x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<512x64xbf16, #fa.hbm> -> tensor<512x64xbf16>
  func.return %O : tensor<512x64xbf16>
}
