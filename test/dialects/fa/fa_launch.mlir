// RUN: FA_ROUNDTRIP

// A launch of a kernel function, of one that is compiled elsewhere, and of a program.

func.func @model(%q: tensor<1x1x4x8xbf16>, %k: tensor<1x1x6x8xbf16>) -> tensor<1x1x4x8xbf16> {
  %0 = fa.launch @kernel(%q, %k) : (tensor<1x1x4x8xbf16>, tensor<1x1x6x8xbf16>) -> tensor<1x1x4x8xbf16>
  // CHECK: %0 = fa.launch @kernel(%q, %k) : (tensor<1x1x4x8xbf16>, tensor<1x1x6x8xbf16>) -> tensor<1x1x4x8xbf16>
  %1, %2 = fa.launch @elsewhere(%0) {layer = 3 : i64} : (tensor<1x1x4x8xbf16>) -> (tensor<1x1x4x8xbf16>, tensor<1x1x4xf32>)
  // CHECK-NEXT: %1, %2 = fa.launch @elsewhere(%0) {layer = 3 : i64} : (tensor<1x1x4x8xbf16>) -> (tensor<1x1x4x8xbf16>, tensor<1x1x4xf32>)
  func.return %1 : tensor<1x1x4x8xbf16>
}
func.func private @kernel(%q: tensor<1x1x4x8xbf16>, %k: tensor<1x1x6x8xbf16>) -> tensor<1x1x4x8xbf16> attributes {fa.kernel} {
// CHECK: func.func private @kernel(%q: tensor<1x1x4x8xbf16>, %k: tensor<1x1x6x8xbf16>) -> tensor<1x1x4x8xbf16> attributes {fa.kernel} {
  %o = fa.attention %q, %k, %k : tensor<1x1x4x8xbf16>, tensor<1x1x6x8xbf16>, tensor<1x1x6x8xbf16> -> tensor<1x1x4x8xbf16>
  func.return %o : tensor<1x1x4x8xbf16>
}
func.func private @elsewhere(tensor<1x1x4x8xbf16>) -> (tensor<1x1x4x8xbf16>, tensor<1x1x4xf32>) attributes {fa.kernel}
// CHECK: func.func private @elsewhere(tensor<1x1x4x8xbf16>) -> (tensor<1x1x4x8xbf16>, tensor<1x1x4xf32>) attributes {fa.kernel}
