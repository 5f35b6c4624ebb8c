// One use of each operation of the mx dialect, as the page shows it.

func.func @f(%x: tensor<4x64xf32>, %keys: tensor<1x2x16x64xf32>) {
  %stored = mx.quantize %x : tensor<4x64xf32> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  %y = mx.dequantize %stored : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  %smaller = mx.requantize %stored : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xbf16, #mx.block<e2m1, scale = e4m3, size = 16>>
  %centered = mx.center %keys along 2 : tensor<1x2x16x64xf32> -> tensor<1x2x16x64xf32>
  %limited = mx.limit %x to 128 : tensor<4x64xf32> -> tensor<4x64xf32>
  %rotated = mx.rotate %x by 0 : tensor<4x64xf32> -> tensor<4x64xf32>
  func.return
}
