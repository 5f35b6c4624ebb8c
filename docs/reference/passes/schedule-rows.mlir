func.func @f(%K: tensor<64x64xbf16>, %V: tensor<64x64xbf16>, %out: memref<64x64xbf16, #fa.hbm>, %q: !fa.tile<64x64xbf16, vector>) {
  %c0 = arith.constant 0 : index
  %m = fa.fill 0xff800000 : f32 : !fa.tile<64xf32, scalar>
  %l = fa.fill 0.0 : f32 : !fa.tile<64xf32, scalar>
  %zero = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l : !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  %v = fa.load %V[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %pv = fa.matmul %p, %v {family = #fa.family<btmv>} : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %acc = fa.accumulate %zero, %pv rescale %alpha : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar> -> !fa.tile<64x64xbf16, vector>
  %o = fa.normalize %acc, %l_1 {factor = 4.0 : f32} : !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar> -> !fa.tile<64x64xbf16, vector>
  fa.store %o, %out[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  func.return
}
