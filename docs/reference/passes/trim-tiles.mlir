func.func @f(%K: tensor<128x64xbf16>, %V: tensor<128x64xbf16>, %q: !fa.tile<64x64xbf16, vector>) {
  %c0 = arith.constant 0 : index
  %k = fa.load %K[%c0, %c0] : tensor<128x64xbf16> -> !fa.tile<128x64xbf16, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<64x128xbf16, vector>
  %seen = fa.mask %s at[%c0, %c0, %c0, %c0] {kv_len = 128 : i64, mask = #fa.causal<offset = 0>} : !fa.tile<64x128xbf16, vector> -> !fa.tile<64x128xbf16, vector>
  %p, %m, %l, %alpha = fa.online_softmax %seen : !fa.tile<64x128xbf16, vector> -> !fa.tile<64x128xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  %v = fa.load %V[%c0, %c0] : tensor<128x64xbf16> -> !fa.tile<128x64xbf16, matrix>
  %pv = fa.matmul %p, %v : !fa.tile<64x128xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  func.return
}
