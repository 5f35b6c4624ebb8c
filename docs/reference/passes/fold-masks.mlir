func.func @causal(%Q: tensor<64x64xbf16>, %K: tensor<64x64xbf16>) -> tensor<64x64xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %output = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  scf.for %i = %c0 to %c4 step %c1 {
    %s = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
    %seen = fa.mask %s at [%c0, %c0, %c0, %c0] {kv_len = 64 : i64, mask = #fa.causal<offset = 0>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
    fa.store %seen, %output[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %O : tensor<64x64xbf16>
}
