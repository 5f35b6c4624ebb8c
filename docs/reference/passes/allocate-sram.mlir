func.func @f(%Q: tensor<64x64xbf16>, %K: tensor<64x64xbf16>) -> tensor<64x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %scaled = fa.scale %q by 0.125 : f32 : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %scaled, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %seen = fa.mask %s at[%c0, %c0, %c0, %c0] {kv_len = 64 : i64, mask = #fa.causal<offset = 0>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  fa.store %seen, %out[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  %S = fa.result %out : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %S : tensor<64x64xbf16>
}
