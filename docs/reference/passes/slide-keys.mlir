func.func @f(%S: tensor<1x1x256x256xbf16>) -> tensor<1x1x256x256xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %out = memref.alloc() : memref<1x1x256x256xbf16, #fa.hbm>
  scf.for %row = %c0 to %c256 step %c64 {
    scf.for %key = %c0 to %c256 step %c64 {
      %s = fa.load %S[%c0, %c0, %row, %key] : tensor<1x1x256x256xbf16> -> !fa.tile<64x64xbf16, vector>
      %seen = fa.mask %s at[%c0, %c0, %row, %key] {kv_len = 256 : i64, mask = #fa.chunked<size = 64, offset = 0>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
      fa.store %seen, %out[%c0, %c0, %row, %key] : !fa.tile<64x64xbf16, vector>, memref<1x1x256x256xbf16, #fa.hbm>
    }
  }
  %O = fa.result %out : memref<1x1x256x256xbf16, #fa.hbm> -> tensor<1x1x256x256xbf16>
  func.return %O : tensor<1x1x256x256xbf16>
}
