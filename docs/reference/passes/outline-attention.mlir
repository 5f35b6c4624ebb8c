func.func @model(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  %sum = arith.addf %o, %q : tensor<1x1x64x64xbf16>
  func.return %sum : tensor<1x1x64x64xbf16>
}
