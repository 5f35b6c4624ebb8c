// RUN: fa-opt %s --group-heads="parts=18" | filecheck %s

// 70 heads of 300 queries under a mask: parts of as many heads, the last one with padding, whose
// blocks of queries are those of the mask.

func.func @padded(%q: tensor<1x70x300x64xbf16>, %k: tensor<1x1x300x64xbf16>, %v: tensor<1x1x300x64xbf16>)
    -> tensor<1x70x300x64xbf16> {
  %o = fa.attention %q, %k, %v {mask = #fa.causal}
      : tensor<1x70x300x64xbf16>, tensor<1x1x300x64xbf16>, tensor<1x1x300x64xbf16>
      -> tensor<1x70x300x64xbf16>
  func.return %o : tensor<1x70x300x64xbf16>
}

// CHECK-LABEL: func.func @padded(
// CHECK:       fa.pad {{.*}} -> tensor<1x1x72x304x64xbf16>
// CHECK:       mask = #fa.grouped<[72, 16, 300], #fa.causal<offset = 0>>
// CHECK:       fa.crop {{.*}} -> tensor<1x1x70x304x64xbf16>
// CHECK:       func.return {{.*}} : tensor<1x70x300x64xbf16>
