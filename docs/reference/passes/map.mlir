// map{qk=tmm pv=btmv sums=reduce}
func.func @f(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x64x64xbf16>, %V: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0, %c0, %c0] : tensor<1x1x64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0, %c0, %c0] : tensor<1x1x64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %p, %m, %l, %alpha = fa.online_softmax %s : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  %v = fa.load %V[%c0, %c0, %c0, %c0] : tensor<1x1x64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %pv = fa.matmul %p, %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %o = fa.normalize %pv, %l : !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar> -> !fa.tile<64x64xbf16, vector>
  fa.store %o, %out[%c0, %c0, %c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<1x1x64x64xbf16, #fa.hbm>
  %O = fa.result %out : memref<1x1x64x64xbf16, #fa.hbm> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}
