// RUN: fa-opt %s --rotate="seed=3" | filecheck %s

// Queries and keys are turned by the same orthogonal matrix, which leaves scores as they are.

// CHECK-LABEL: func.func @shared(
// CHECK-SAME:    [[Q:%.*]]: tensor<1x2x8x64xbf16>, [[K:%.*]]: tensor<1x1x70x64xbf16>, [[V:%.*]]: tensor<1x1x70x64xbf16>)
// CHECK-NEXT:    [[TURNED:%.*]] = mx.rotate [[Q]] by 3 : tensor<1x2x8x64xbf16> -> tensor<1x2x8x64xbf16>
// CHECK-NEXT:    [[KEYS:%.*]] = mx.rotate [[K]] by 3 : tensor<1x1x70x64xbf16> -> tensor<1x1x70x64xf32>
// CHECK-NEXT:    [[O:%.*]] = fa.attention [[TURNED]], [[KEYS]], [[V]] :
// CHECK-NEXT:    func.return [[O]]

func.func @shared(%q: tensor<1x2x8x64xbf16>, %k: tensor<1x1x70x64xbf16>, %v: tensor<1x1x70x64xbf16>) -> tensor<1x2x8x64xbf16> {
  %o = fa.attention %q, %k, %v : tensor<1x2x8x64xbf16>, tensor<1x1x70x64xbf16>, tensor<1x1x70x64xbf16> -> tensor<1x2x8x64xbf16>
  func.return %o : tensor<1x2x8x64xbf16>
}
