// RUN: fa-opt %s --group-heads | filecheck %s
// RUN: fa-opt %s --group-heads --group-heads | filecheck %s
// RUN: fa-opt %s --group-heads --tile --fuse | filecheck %s --check-prefix=TILES

// Four query heads of ten queries on one KV head: forty rows, ten of each head, under the mask of one
// head. The results are shaped back.

func.func @f(%q: tensor<1x4x10x64xbf16>, %k: tensor<1x1x70x64xbf16>, %v: tensor<1x1x70x64xbf16>)
    -> (tensor<1x4x10x64xbf16>, tensor<1x4x10xf32>) {
  %o, %lse = fa.attention %q, %k, %v {lse, mask = #fa.causal}
      : tensor<1x4x10x64xbf16>, tensor<1x1x70x64xbf16>, tensor<1x1x70x64xbf16>
      -> tensor<1x4x10x64xbf16>, tensor<1x4x10xf32>
  func.return %o, %lse : tensor<1x4x10x64xbf16>, tensor<1x4x10xf32>
}

// CHECK-LABEL: func.func @f(
// CHECK-SAME: [[Q:%.*]]: tensor<1x4x10x64xbf16>, [[K:%.*]]: tensor<1x1x70x64xbf16>, [[V:%.*]]: tensor<1x1x70x64xbf16>)
// CHECK-NEXT: [[S:%.*]] = fa.reshape [[Q]] : tensor<1x4x10x64xbf16> -> tensor<1x1x4x1x10x64xbf16>
// CHECK-NEXT: [[T:%.*]] = fa.transpose [[S]] {permutation = array<i64: 0, 1, 3, 2, 4, 5>}
// CHECK-NEXT: [[R:%.*]] = fa.reshape [[T]] : tensor<1x1x1x4x10x64xbf16> -> tensor<1x1x40x64xbf16>
// CHECK-NEXT: {{.*}} = fa.attention [[R]], [[K]], [[V]] {lse, mask = #fa.grouped<[4, 10, 10], #fa.causal<offset = 60>>, scale = 1.250000e-01 : f32, fa.grouped_heads = 40 : i64}
// CHECK:      [[O:%.*]] = fa.reshape {{.*}} -> tensor<1x4x10x64xbf16>
// CHECK:      [[LSE:%.*]] = fa.reshape {{.*}} -> tensor<1x4x10xf32>
// CHECK-NEXT: func.return [[O]], [[LSE]]

// One tile of forty rows for all heads.
// TILES:     fa.load {{.*}} -> !fa.tile<40x64xbf16, vector>
// TILES-NOT: scf.for
