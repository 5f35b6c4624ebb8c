func.func @f(%Q: tensor<64x64xbf16>, %K: tensor<64x64xbf16>, %V: tensor<64x64xbf16>) -> tensor<64x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %scores = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %weights = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %output = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  scf.for %row = %c0 to %c64 step %c64 {
    %q = fa.load %Q[%row, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
    scf.for %key = %c0 to %c64 step %c64 {
      %k = fa.load %K[%key, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      fa.store %s, %scores[%row, %key] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
    }
  }
  scf.for %row_1 = %c0 to %c64 step %c64 {
    %s_1 = fa.load %scores[%row_1, %c0] : memref<64x64xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector>
    %p, %m, %l = fa.softmax %s_1 : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
    fa.store %p, %weights[%row_1, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  }
  scf.for %row_2 = %c0 to %c64 step %c64 {
    %zero = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, vector>
    %acc = scf.for %key_1 = %c0 to %c64 step %c64 iter_args(%o = %zero) -> (!fa.tile<64x64xbf16, vector>) {
      %p_1 = fa.load %weights[%row_2, %key_1] : memref<64x64xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector>
      %v = fa.load %V[%key_1, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
      %pv = fa.matmul %p_1, %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
      %sum = fa.accumulate %o, %pv : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
      scf.yield %sum : !fa.tile<64x64xbf16, vector>
    }
    fa.store %acc, %output[%row_2, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  }
  %O = fa.result %output : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %O : tensor<64x64xbf16>
}
