func.func @apart(%q: tensor<1x4x4x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>, %s: tensor<4xbf16>)
    -> tensor<1x4x4x64xbf16> {
  %o = fa.attention %q, %k, %v sinks(%s)
      : tensor<1x4x4x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<4xbf16>
      -> tensor<1x4x4x64xbf16>
  func.return %o : tensor<1x4x4x64xbf16>
}
