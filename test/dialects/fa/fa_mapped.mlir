// RUN: FA_ROUNDTRIP

// What `map`, `schedule-rows` and `trim-tiles` write: through the generic form, and in its own.

func.func @mapped(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>, %w: !fa.tile<128x64xbf16, matrix>, %room: !fa.tile<8x64xbf16, vector>) {
// CHECK-LABEL: func.func @mapped(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>, %w: !fa.tile<128x64xbf16, matrix>, %room: !fa.tile<8x64xbf16, vector>) {
  %s = fa.scores %q, %k {family = #fa.family<btmm>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %s = fa.scores %q, %k {family = #fa.family<btmm>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %s_1 = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 2, chunks = 1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %s_1 = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 2, chunks = 1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %p, %m, %l, %alpha = fa.online_softmax %q : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p, %m, %l, %alpha = fa.online_softmax %q : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %p_1, %m_1, %l_1, %alpha_1 = fa.online_softmax %q, %m, %l scratch %room : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> scratch !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p_1, %m_1, %l_1, %alpha_1 = fa.online_softmax %q, %m, %l scratch %room : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> scratch !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %p_2, %m_2, %l_2, %alpha_2 = fa.online_softmax %q ones %k scratch %room {empty_rows} : !fa.tile<8x64xbf16, vector> ones !fa.tile<64x64xbf16, matrix> scratch !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p_2, %m_2, %l_2, %alpha_2 = fa.online_softmax %q ones %k scratch %room {empty_rows} : !fa.tile<8x64xbf16, vector> ones !fa.tile<64x64xbf16, matrix> scratch !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  %p_3, %m_3, %l_3, %alpha_3 = fa.online_softmax %q, %m_2, %l_2 ones %k : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector> ones !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p_3, %m_3, %l_3, %alpha_3 = fa.online_softmax %q, %m_2, %l_2 ones %k : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector> ones !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  %pv = fa.matmul %p, %k {columns = 40 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %pv = fa.matmul %p, %k {columns = 40 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %pv_1 = fa.matmul %p, %w scratch %room {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %pv_1 = fa.matmul %p, %w scratch %room {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  %o = fa.normalize %pv, %l {factor = 4.000000e+00 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %o = fa.normalize %pv, %l {factor = 4.000000e+00 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  %o_1 = fa.normalize %pv_1, %l_3 {empty_rows, factor = 2.500000e-01 : f32} : !fa.tile<8x128xbf16, vector>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %o_1 = fa.normalize %pv_1, %l_3 {empty_rows, factor = 2.500000e-01 : f32} : !fa.tile<8x128xbf16, vector>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  %packed = fa.repack %q by %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector packed 4>
  // CHECK-NEXT: %packed = fa.repack %q by %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector packed 4>
  %packed_v = fa.matmul %packed, %w scratch %room {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<128x64xbf16, matrix>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %packed_v = fa.matmul %packed, %w scratch %room {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<128x64xbf16, matrix>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  %po = fa.normalize_packed %q by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  // CHECK-NEXT: %po = fa.normalize_packed %q by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  %po_1 = fa.normalize_packed %q by %k scratch %room {streams = 4 : i64, sums = 32 : i64, factor = 2.000000e+00 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> scratch !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  // CHECK-NEXT: %po_1 = fa.normalize_packed %q by %k scratch %room {streams = 4 : i64, sums = 32 : i64, factor = 2.000000e+00 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> scratch !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  %s_2 = fa.scores %q, %k hide(%q, %w : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 7>, blocks = array<i64: -1, 7>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %s_2 = fa.scores %q, %k hide(%q, %w : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 7>, blocks = array<i64: -1, 7>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %apart = fa.repack %packed by %k : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %apart = fa.repack %packed by %k : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %part = fa.view %w {row = 64 : i64, col = 0 : i64} : !fa.tile<128x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  // CHECK-NEXT: %part = fa.view %w {row = 64 : i64, col = 0 : i64} : !fa.tile<128x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// Operations that are done together, row by row, and what of them is needed behind the loop.

func.func @row_loop(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
// CHECK-LABEL: func.func @row_loop(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  %r = fa.row_loop rows = 8 unroll = 2 {
  // CHECK-NEXT: %r = fa.row_loop rows = 8 unroll = 2 {
    %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield %0 : !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: fa.yield %0 : !fa.tile<8x64xbf16, vector>
  } : !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: } : !fa.tile<8x64xbf16, vector>
  fa.row_loop rows = 4 unroll = 4 {
  // CHECK-NEXT: fa.row_loop rows = 4 unroll = 4 {
    %1 = fa.normalize %r, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %1 = fa.normalize %r, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield
  // CHECK-NEXT: fa.yield
  }
  // CHECK-NEXT: }
  func.return
}

// What the host does for them.

func.func @host(%x: tensor<2x3x4xbf16>) {
// CHECK-LABEL: func.func @host(%x: tensor<2x3x4xbf16>) {
  %0 = fa.pad %x : tensor<2x3x4xbf16> -> tensor<2x4x16xbf16>
  // CHECK-NEXT: %0 = fa.pad %x : tensor<2x3x4xbf16> -> tensor<2x4x16xbf16>
  %1 = fa.crop %0 : tensor<2x4x16xbf16> -> tensor<2x3x4xbf16>
  // CHECK-NEXT: %1 = fa.crop %0 : tensor<2x4x16xbf16> -> tensor<2x3x4xbf16>
  func.return
}
