func.func @parts(
    %q: tensor<1x128x1x576xbf16>, %k: tensor<1x1x256x576xbf16>, %v: tensor<1x1x256x512xbf16>)
    -> tensor<1x128x1x512xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x128x1x576xbf16>, tensor<1x1x256x576xbf16>, tensor<1x1x256x512xbf16>
      -> tensor<1x128x1x512xbf16>
  func.return %o : tensor<1x128x1x512xbf16>
}
