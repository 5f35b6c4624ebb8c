// RUN: fa-opt %s --map="qk=btmm pv=mm" | filecheck %s

// Products name their instructions, the factor 1/4 of M_BTMM is divided out of the queries, and keys and
// values, which are the same for both heads, are loaded once.

// CHECK-LABEL: func.func @heads(
// CHECK-SAME:    [[Q:%.*]]: tensor<1x2x64x64xbf16>, [[K:%.*]]: tensor<1x1x64x64xbf16>, [[V:%.*]]: tensor<1x1x64x64xbf16>)
// CHECK-SAME:    attributes {fa.mapping = {qk = "btmm", pv = "mm"}, fa.mapped}
// CHECK:         [[KT:%.*]] = fa.load [[K]]
// CHECK-NEXT:    [[VT:%.*]] = fa.load [[V]]
// CHECK-NEXT:    scf.for [[H:%.*]] = {{.*}} {
// CHECK-NEXT:      [[QT:%.*]] = fa.load [[Q]][{{.*}}, [[H]], {{.*}}, {{.*}}]
// CHECK-NEXT:      [[SCALED:%.*]] = fa.scale [[QT]] by 4.000000e+00 : f32
// CHECK-NEXT:      [[S:%.*]] = fa.scores [[SCALED]], [[KT]] {family = #fa.family<btmm>}
// CHECK-NEXT:      [[P:%.*]], {{.*}}, {{.*}} = fa.softmax [[S]]
// CHECK-NEXT:      [[PV:%.*]] = fa.matmul [[P]], [[VT]] {family = #fa.family<mm>}
// CHECK-NEXT:      fa.store [[PV]]

func.func @heads(%Q: tensor<1x2x64x64xbf16>, %K: tensor<1x1x64x64xbf16>, %V: tensor<1x1x64x64xbf16>) -> tensor<1x2x64x64xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %output = memref.alloc() : memref<1x2x64x64xbf16, #fa.hbm>
  scf.for %h = %c0 to %c2 step %c1 {
    %q = fa.load %Q[%c0, %h, %c0, %c0] : tensor<1x2x64x64xbf16> -> !fa.tile<64x64xbf16, vector>
    %k = fa.load %K[%c0, %c0, %c0, %c0] : tensor<1x1x64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
    %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
    %p, %m, %l = fa.softmax %s : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
    %v = fa.load %V[%c0, %c0, %c0, %c0] : tensor<1x1x64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
    %pv = fa.matmul %p, %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
    fa.store %pv, %output[%c0, %h, %c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<1x2x64x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<1x2x64x64xbf16, #fa.hbm> -> tensor<1x2x64x64xbf16>
  func.return %O : tensor<1x2x64x64xbf16>
}
