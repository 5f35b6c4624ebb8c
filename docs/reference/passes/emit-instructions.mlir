func.func @twice(%X: tensor<4x64xbf16>) -> tensor<4x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<4x64xbf16, #fa.hbm>
  %x = fa.load %X[%c0, %c0] : tensor<4x64xbf16> -> !fa.tile<4x64xbf16, vector at 0>
  %y = fa.scale %x by 2.0 : f32 : !fa.tile<4x64xbf16, vector at 0> -> !fa.tile<4x64xbf16, vector at 0>
  fa.store %y, %out[%c0, %c0] : !fa.tile<4x64xbf16, vector at 0>, memref<4x64xbf16, #fa.hbm>
  %Y = fa.result %out : memref<4x64xbf16, #fa.hbm> -> tensor<4x64xbf16>
  func.return %Y : tensor<4x64xbf16>
}
