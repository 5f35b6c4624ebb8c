
func.func @lse(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> (tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>) {
  %o, %l = fa.attention %q, %k, %v {lse} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
  func.return %o, %l : tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
}
