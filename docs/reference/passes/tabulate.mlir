func.func @f(%S: tensor<1x1x4x64xbf16>) -> tensor<1x1x4x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<1x1x4x64xbf16, #fa.hbm>
  %s = fa.load %S[%c0, %c0, %c0, %c0] : tensor<1x1x4x64xbf16> -> !fa.tile<4x64xbf16, vector>
  %y = fa.map %s at[%c0, %c0, %c0, %c0] {
  ^bb0(%x: f32, %batch: index, %head: index, %query: index, %key: index):
    %whole = arith.index_cast %key : index to i64
    %number = arith.sitofp %whole : i64 to f32
    %sum = arith.addf %x, %number : f32
    fa.yield %sum : f32
  } : !fa.tile<4x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  fa.store %y, %out[%c0, %c0, %c0, %c0] : !fa.tile<4x64xbf16, vector>, memref<1x1x4x64xbf16, #fa.hbm>
  %O = fa.result %out : memref<1x1x4x64xbf16, #fa.hbm> -> tensor<1x1x4x64xbf16>
  func.return %O : tensor<1x1x4x64xbf16>
}
