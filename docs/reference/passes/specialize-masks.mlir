func.func @f(%K: tensor<192x64xbf16>, %q: !fa.tile<64x64xbf16, vector>) -> !fa.tile<64xf32, scalar> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c192 = arith.constant 192 : index
  %m = fa.fill 0xff800000 : f32 : !fa.tile<64xf32, scalar>
  %l = fa.fill 0.0 : f32 : !fa.tile<64xf32, scalar>
  %m_1, %l_1 = scf.for %key = %c0 to %c192 step %c64 iter_args(%m_2 = %m, %l_2 = %l) -> (!fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>) {
    %k = fa.load %K[%key, %c0] : tensor<192x64xbf16> -> !fa.tile<64x64xbf16, matrix>
    %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
    %seen = fa.mask %s at[%c0, %c0, %c0, %key] {kv_len = 192 : i64, mask = #fa.causal<offset = 64>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
    %p, %m_3, %l_3, %alpha = fa.online_softmax %seen, %m_2, %l_2 {empty_rows} : !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
    scf.yield %m_3, %l_3 : !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  }
  func.return %l_1 : !fa.tile<64xf32, scalar>
}
