// RUN: fa-opt %s --tile="kv-tile=64" | filecheck %s

// Standard attention in three steps: scores to HBM, softmax of whole rows to HBM, times V.

// CHECK-LABEL: func.func @attention(
// CHECK-SAME:    [[Q:%.*]]: tensor<1x1x64x64xbf16>, [[K:%.*]]: tensor<1x1x128x64xbf16>, [[V:%.*]]: tensor<1x1x128x64xbf16>)
// CHECK-NEXT:    [[SCORES:%.*]] = memref.alloc() : memref<64x128xbf16, #fa.hbm>
// CHECK-NEXT:    [[WEIGHTS:%.*]] = memref.alloc() : memref<64x128xbf16, #fa.hbm>
// CHECK-NEXT:    [[OUT:%.*]] = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm>
// CHECK:         [[QT:%.*]] = fa.load [[Q]]
// CHECK:         scf.for [[I:%.*]] = {{.*}} {
// CHECK-NEXT:      [[KT:%.*]] = fa.load [[K]][{{.*}}, {{.*}}, [[I]], {{.*}}]
// CHECK-NEXT:      [[S:%.*]] = fa.scores [[QT]], [[KT]]
// CHECK-NEXT:      fa.store [[S]], [[SCORES]][{{.*}}, [[I]]]
// CHECK-NEXT:    }
// CHECK-NEXT:    [[ROWS:%.*]] = fa.load [[SCORES]][{{.*}}] : {{.*}} -> !fa.tile<64x128xbf16, vector>
// CHECK-NEXT:    [[P:%.*]], {{.*}}, {{.*}} = fa.softmax [[ROWS]]
// CHECK-NEXT:    fa.store [[P]], [[WEIGHTS]]
// CHECK-NEXT:    [[ZERO:%.*]] = fa.fill 0.000000e+00
// CHECK-NEXT:    [[SUM:%.*]] = scf.for [[J:%.*]] = {{.*}} iter_args([[ACC:%.*]] = [[ZERO]])
// CHECK-NEXT:      [[PT:%.*]] = fa.load [[WEIGHTS]][{{.*}}, [[J]]]
// CHECK-NEXT:      [[VT:%.*]] = fa.load [[V]][{{.*}}, {{.*}}, [[J]], {{.*}}]
// CHECK-NEXT:      [[PV:%.*]] = fa.matmul [[PT]], [[VT]]
// CHECK-NEXT:      [[NEXT:%.*]] = fa.accumulate [[ACC]], [[PV]]
// CHECK-NEXT:      scf.yield [[NEXT]]
// CHECK-NEXT:    }
// CHECK-NEXT:    fa.store [[SUM]], [[OUT]]
// CHECK-NEXT:    [[O:%.*]] = fa.result [[OUT]]
// CHECK-NEXT:    func.return [[O]]

func.func @attention(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x128x64xbf16>, %V: tensor<1x1x128x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V {scale = 1.0 : f32} : tensor<1x1x64x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}
