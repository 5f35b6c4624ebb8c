// RUN: not fa-opt %s --smooth-keys --split-input-file 2>&1 | filecheck %s
// RUN: not fa-opt --tile --fuse --smooth-keys %S/../Inputs/logsumexp.mlir 2>&1 | filecheck %s
// RUN: not fa-opt --tile --smooth-keys %S/../Inputs/logsumexp.mlir 2>&1 | filecheck %s

// CHECK: error: without the mean key the scores shift, and the logsumexp would see that; leave out smooth-keys
func.func @lse(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> (tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>) {
  %o, %l = fa.attention %q, %k, %v {lse} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
  func.return %o, %l : tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
}
