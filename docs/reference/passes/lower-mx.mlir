func.func @f(%x: tensor<4x32xf32>) -> tensor<4x32xf32> {
  %y = mx.center %x along 0 : tensor<4x32xf32> -> tensor<4x32xf32>
  func.return %y : tensor<4x32xf32>
}
