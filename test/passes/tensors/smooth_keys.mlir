// RUN: fa-opt %s --smooth-keys | filecheck %s

// The mean key of each head is taken away before attention; scores shift alike, softmax does not see it.

// CHECK-LABEL: func.func @shared(
// CHECK-SAME:    [[Q:%.*]]: tensor<1x2x8x64xbf16>, [[K:%.*]]: tensor<1x1x70x64xbf16>, [[V:%.*]]: tensor<1x1x70x64xbf16>)
// CHECK-NEXT:    [[CENTRED:%.*]] = mx.center [[K]] along 2 : tensor<1x1x70x64xbf16> -> tensor<1x1x70x64xf32>
// CHECK-NEXT:    [[O:%.*]] = fa.attention [[Q]], [[CENTRED]], [[V]] : tensor<1x2x8x64xbf16>, tensor<1x1x70x64xf32>, tensor<1x1x70x64xbf16> -> tensor<1x2x8x64xbf16>
// CHECK-NEXT:    func.return [[O]]

func.func @shared(%q: tensor<1x2x8x64xbf16>, %k: tensor<1x1x70x64xbf16>, %v: tensor<1x1x70x64xbf16>) -> tensor<1x2x8x64xbf16> {
  %o = fa.attention %q, %k, %v : tensor<1x2x8x64xbf16>, tensor<1x1x70x64xbf16>, tensor<1x1x70x64xbf16> -> tensor<1x2x8x64xbf16>
  func.return %o : tensor<1x2x8x64xbf16>
}
