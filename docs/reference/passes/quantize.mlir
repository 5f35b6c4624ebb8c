// quantize{policy=mxfp8}
func.func @f(%Q: tensor<64x64xf32>, %K: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<64x64xf32, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xf32> -> !fa.tile<64x64xf32, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xf32> -> !fa.tile<64x64xf32, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xf32, vector>, !fa.tile<64x64xf32, matrix> -> !fa.tile<64x64xf32, vector>
  fa.store %s, %out[%c0, %c0] : !fa.tile<64x64xf32, vector>, memref<64x64xf32, #fa.hbm>
  %S = fa.result %out : memref<64x64xf32, #fa.hbm> -> tensor<64x64xf32>
  func.return %S : tensor<64x64xf32>
}
