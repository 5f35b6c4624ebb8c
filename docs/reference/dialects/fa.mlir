// One use of each operation of the fa dialect, as the page shows it.

func.func @tensors(%Q: tensor<1x2x64x64xbf16>, %K: tensor<1x1x64x64xbf16>, %V: tensor<1x1x64x64xbf16>, %sinks: tensor<2xbf16>) {
  %O, %lse = fa.attention %Q, %K, %V sinks(%sinks) {lse, mask = #fa.causal, scale = 0.125 : f32} score_mod {
  ^bb0(%s: f32, %batch: index, %head: index, %query: index, %key: index):
    %half = arith.constant 0.5 : f32
    %y = arith.mulf %s, %half : f32
    fa.yield %y : f32
  } : tensor<1x2x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<2xbf16> -> tensor<1x2x64x64xbf16>, tensor<1x2x64xf32>
  func.return
}

func.func @host(%x: tensor<4x8xbf16>, %new: tensor<1x8xbf16>, %seen: tensor<4x8xi1>) {
  %r = fa.reshape %x : tensor<4x8xbf16> -> tensor<2x16xbf16>
  %t = fa.transpose %x {permutation = array<i64: 1, 0>} : tensor<4x8xbf16> -> tensor<8x4xbf16>
  %c = fa.concat %x, %new {axis = 0 : i64} : tensor<4x8xbf16>, tensor<1x8xbf16> -> tensor<5x8xbf16>
  %bias = fa.additive %seen : tensor<4x8xi1> -> tensor<4x8xbf16>
  %b = fa.broadcast %new : tensor<1x8xbf16> -> tensor<4x8xbf16>
  %p = fa.pad %x : tensor<4x8xbf16> -> tensor<8x8xbf16>
  %part = fa.crop %x {start = array<i64: 1, 0>} : tensor<4x8xbf16> -> tensor<2x8xbf16>
  func.return
}

func.func @tiles(%Q: tensor<1x2x64x64xbf16>, %out: memref<1x2x64x64xbf16, #fa.hbm>, %lengths: tensor<1xi32>, %sink: !fa.tile<4x64xbf16, vector>, %table: !fa.tile<1x64xbf16, vector>) {
  %c0 = arith.constant 0 : index
  %row = arith.constant 0 : index
  %key = arith.constant 0 : index
  %q = fa.load %Q[%c0, %c0, %row, %c0] : tensor<1x2x64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %Q[%c0, %c0, %key, %c0] : tensor<1x2x64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %v = fa.view %k {row = 0 : i64, col = 0 : i64} : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  %acc = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, vector>
  %q_scaled = fa.scale %q by 0.125 : f32 : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  %s = fa.scores %q_scaled, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  %s_bias = fa.map %s at[%c0, %c0, %row, %key] with %table {
  ^bb0(%x: f32, %batch: index, %head: index, %query: index, %number: index, %entry: f32):
    %sum = arith.addf %x, %entry : f32
    fa.yield %sum : f32
  } : !fa.tile<64x64xbf16, vector> with !fa.tile<1x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  %seen = fa.mask %s_bias at[%c0, %c0, %row, %key] {kv_len = 64 : i64, mask = #fa.causal<offset = 0>} : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  %m0, %l0 = fa.sink %sink : !fa.tile<4x64xbf16, vector> -> !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
  %length = fa.length %lengths[%c0] {most = 64 : i64, granule = 1 : i64} : tensor<1xi32>
  %limited = fa.limit %seen from %key to %length : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  %weights, %m_all, %l_all = fa.softmax %seen from %m0, %l0 : !fa.tile<64x64xbf16, vector> from !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
  %o = fa.row_loop rows = 64 unroll = 4 {
    %p, %m, %l, %alpha = fa.online_softmax %seen, %m0, %l0 : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
    %packed = fa.repack %p by %v : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector packed 4>
    %pv = fa.matmul %packed, %v {family = #fa.family<btmv>} : !fa.tile<64x64xbf16, vector packed 4>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
    %acc_1 = fa.accumulate %acc, %pv rescale %alpha : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
    %o_1 = fa.normalize %acc_1, %l {factor = 4.0 : f32} : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
    fa.yield %o_1 : !fa.tile<64x64xbf16, vector>
  } : !fa.tile<64x64xbf16, vector>
  %o_packed = fa.normalize_packed %o by %v {streams = 4 : i64, sums = 16 : i64} : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<16x64xbf16, vector>
  %p_known = fa.probabilities %seen, %m_all, %l_all : !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
  %lse = fa.logsumexp %m_all, %l_all {bound = 64 : i64} : !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar> -> !fa.tile<4x64xbf16, vector>
  %wide = fa.spread %m_all : !fa.tile<64xbf16, scalar> -> !fa.tile<64x64xbf16, vector>
  %m_back = fa.collect %wide : !fa.tile<64x64xbf16, vector> -> !fa.tile<64xbf16, scalar>
  %acc_both, %m_both, %l_both = fa.combine (%acc, %m0, %l0), (%o, %m_all, %l_all) : (!fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>), (!fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>) -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
  %again = fa.copy %o : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
  %room = fa.scratch : !fa.tile<2x64xbf16, vector>
  fa.store %o, %out[%c0, %c0, %row, %c0] : !fa.tile<64x64xbf16, vector>, memref<1x2x64x64xbf16, #fa.hbm>
  %O = fa.result %out : memref<1x2x64x64xbf16, #fa.hbm> -> tensor<1x2x64x64xbf16>
  func.return
}

func.func @launches(%x: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %y = fa.launch @kernel(%x, %x, %x) : (tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16>
  func.return %y : tensor<1x1x64x64xbf16>
}

func.func private @kernel(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> attributes {fa.kernel} {
  %o = fa.attention %q, %k, %v : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}
