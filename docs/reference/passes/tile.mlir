func.func @f(%Q: tensor<1x1x64x64xf32>, %K: tensor<1x1x64x64xf32>, %V: tensor<1x1x64x64xf32>)
    -> tensor<1x1x64x64xf32> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x1x64x64xf32>, tensor<1x1x64x64xf32>, tensor<1x1x64x64xf32> -> tensor<1x1x64x64xf32>
  func.return %O : tensor<1x1x64x64xf32>
}
