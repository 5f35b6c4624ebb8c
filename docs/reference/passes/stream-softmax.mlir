// stream-softmax{columns=64}
func.func @f(%S: tensor<64x128xbf16>) -> tensor<64x128xbf16> {
  %c0 = arith.constant 0 : index
  %scores = memref.alloc() : memref<64x128xbf16, #fa.hbm>
  %weights = memref.alloc() : memref<64x128xbf16, #fa.hbm>
  %s = fa.load %scores[%c0, %c0] : memref<64x128xbf16, #fa.hbm> -> !fa.tile<64x128xbf16, vector>
  %p, %m, %l = fa.softmax %s : !fa.tile<64x128xbf16, vector> -> !fa.tile<64x128xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  fa.store %p, %weights[%c0, %c0] : !fa.tile<64x128xbf16, vector>, memref<64x128xbf16, #fa.hbm>
  %P = fa.result %weights : memref<64x128xbf16, #fa.hbm> -> tensor<64x128xbf16>
  func.return %P : tensor<64x128xbf16>
}
