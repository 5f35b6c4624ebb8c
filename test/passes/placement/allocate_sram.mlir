// RUN: fa-opt %s --tile="kv-tile=64" --fuse --map="qk=tmm pv=mm sums=reduce" --quantize --allocate-sram | filecheck %s
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize --allocate-sram | filecheck %s --check-prefix ROWS

// Vector SRAM has 1024 rows of 64, matrix SRAM tiles of 64x64 (4096 elements), addresses count elements.

func.func @attention(%Q: tensor<1x1x64x128xbf16>, %K: tensor<1x1x256x128xbf16>, %V: tensor<1x1x256x128xbf16>)
    -> tensor<1x1x64x128xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.causal<offset = 200>}
      : tensor<1x1x64x128xbf16>, tensor<1x1x256x128xbf16>, tensor<1x1x256x128xbf16> -> tensor<1x1x64x128xbf16>
  func.return %O : tensor<1x1x64x128xbf16>
}

// CHECK-LABEL: @attention
// CHECK:          %q = fa.load %Q[%c0_1, %c0_1, %c0_1, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, vector at 0>
//
// In place: the scaled queries take the place of the queries.
// CHECK-NEXT:     %q_scaled = fa.scale %q by 0.0883883461 : f32 :{{.*}} -> !fa.tile<64x128xbf16, vector at 0>
// CHECK-NEXT:     %c192 = arith.constant 192 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %c0_2 = arith.constant 0 : index
// CHECK-NEXT:     %k = fa.load %K_stored[%c0_1, %c0_1, %c0_2, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:     %s = fa.scores %q_scaled, %k {family = #fa.family<tmm>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>
// CHECK-NEXT:     %p, %m, %l = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:       %p_1, %m_1, %l_1, %alpha = fa.online_softmax %s :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar>
// CHECK-NEXT:       fa.yield %p_1, %m_1, %l_1
// CHECK-NEXT:     } : !fa.tile<64x64xbf16, vector at 16384>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>
// CHECK-NEXT:     %v = fa.load %V_stored[%c0_1, %c0_1, %c0_2, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:     %pv = fa.matmul %p, %v {family = #fa.family<mm>} :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:     %c64_1 = arith.constant 64 : index
//
// What the loop carries keeps its place: initial value, argument, yielded value and result.
// CHECK-NEXT:     %0, %1, %2 = scf.for %key = %c64_1 to %c192 step %c64 iter_args(%m_2 = %m, %l_2 = %l, %acc = %pv)
//
// V is loaded over K, which is dead by then; P takes the place of S.
// CHECK-NEXT:       %k_1 = fa.load %K_stored[%c0_1, %c0_1, %key, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:       %s_1 = fa.scores %q_scaled, %k_1 {family = #fa.family<tmm>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 24576>
// CHECK-NEXT:       %p_2, %m_3, %l_3, %alpha_1 = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:         %p_3, %m_4, %l_4, %alpha_2 = fa.online_softmax %s_1, %m_2, %l_2 :{{.*}} -> !fa.tile<64x64xbf16, vector at 24576>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// CHECK-NEXT:         fa.yield %p_3, %m_4, %l_4, %alpha_2
// CHECK-NEXT:       } : !fa.tile<64x64xbf16, vector at 24576>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// CHECK-NEXT:       %v_1 = fa.load %V_stored[%c0_1, %c0_1, %key, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:       %pv_1 = fa.matmul %p_2, %v_1 {family = #fa.family<mm>} :{{.*}} -> !fa.tile<64x128xbf16, vector at 16384>
// CHECK-NEXT:       %acc_1 = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:         %acc_2 = fa.accumulate %acc, %pv_1 rescale %alpha_1 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:         fa.yield %acc_2
// CHECK-NEXT:       } : !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:       scf.yield %m_3, %l_3, %acc_1
// CHECK-NEXT:     }
// CHECK-NEXT:     %c192_1 = arith.constant 192 : index
// CHECK-NEXT:     %k_2 = fa.load %K_stored[%c0_1, %c0_1, %c192_1, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:     %s_2 = fa.scores %q_scaled, %k_2 {family = #fa.family<tmm>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>
//
// A mask works in two rows of its own. The queries are dead by then, and lend theirs.
// CHECK-NEXT:     %3 = fa.scratch : !fa.tile<2x64xbf16, vector at 0>
// CHECK-NEXT:     %s_masked = fa.mask %s_2 at[%c0_1, %c0_1, %c0, %c192_1] scratch %3 {kv_len = 256 : i64, mask = #fa.causal<offset = 200>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>
// CHECK-NEXT:     %p_4, %l_5, %alpha_3 = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:       %p_5, %m_5, %l_6, %alpha_4 = fa.online_softmax %s_masked, %0, %1 :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// CHECK-NEXT:       fa.yield %p_5, %l_6, %alpha_4
// CHECK-NEXT:     } : !fa.tile<64x64xbf16, vector at 16384>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// CHECK-NEXT:     %v_2 = fa.load %V_stored[%c0_1, %c0_1, %c192_1, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:     %pv_2 = fa.matmul %p_4, %v_2 {family = #fa.family<mm>} :{{.*}} -> !fa.tile<64x128xbf16, vector at 0>
// CHECK-NEXT:     %o = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:       %acc_3 = fa.accumulate %2, %pv_2 rescale %alpha_3 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:       %o_1 = fa.normalize %acc_3, %l_5 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:       fa.yield %o_1
// CHECK-NEXT:     } : !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:     fa.store %o, %output[%c0_1, %c0_1, %c0_1, %c0_1] : !fa.tile<64x128xbf16, vector at 8192>, memref<1x1x64x128xbf16, #fa.hbm>

// Families by cost: an operation of a row loop takes what its neighbours leave in registers and in the
// scratch rows that they share, and P V takes the place of P row by row. The tile of ones stays behind
// the tiles of K and V.
//
// ROWS-LABEL: @attention
// ROWS:           %ones_tile = fa.load {{.*}} -> !fa.tile<64x64xbf16, matrix at 20480>
// ROWS:          %q = fa.load %8[%c0_4, %c0_4, %c0_5, %c0_4] :{{.*}} -> !fa.tile<128x64xbf16, vector at 0>
// ROWS-NEXT:     %q_scaled = fa.scale %q by 0.353553385 : f32 :{{.*}} -> !fa.tile<128x64xbf16, vector at 0>
// ROWS-NEXT:     %c0_6 = arith.constant 0 : index
// ROWS-NEXT:     %k = fa.load %K_stored[%c0_4, %c0_4, %c0_6, %c0_4] :{{.*}} -> !fa.tile<128x128xbf16, matrix at 0>
// ROWS-NEXT:     %s = fa.scores %q_scaled, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 8>} :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// ROWS-NEXT:     %v = fa.load %arg_stored[%c0_4, %c0_4, %c0_6, %c0_4] :{{.*}} -> !fa.tile<128x128xbf16, matrix at 0>
// ROWS-NEXT:     %9 = fa.scratch : !fa.tile<7x64xbf16, vector at 16384>
// ROWS-NEXT:     %m, %l, %pv = fa.row_loop rows = 64 unroll = 4 {
// ROWS-NEXT:       %p, %m_1, %l_1, %alpha = fa.online_softmax %s ones %ones_tile scratch %9 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64x64xbf16, vector at 24576>, !fa.tile<64xbf16, scalar>
// ROWS-NEXT:       %pv_1 = fa.matmul %p, %v scratch %9 {family = #fa.family<btmv>} :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// ROWS-NEXT:       fa.yield %m_1, %l_1, %pv_1
// ROWS-NEXT:     } : !fa.tile<64xbf16, scalar at 0>, !fa.tile<64x64xbf16, vector at 24576>, !fa.tile<64x128xbf16, vector at 8192>
// ROWS-NEXT:     %c128 = arith.constant 128 : index
// ROWS-NEXT:     %k_1 = fa.load %K_stored[%c0_4, %c0_4, %c128, %c0_4] :{{.*}} -> !fa.tile<128x128xbf16, matrix at 0>
// ROWS-NEXT:     %s_masked = fa.scores %q_scaled, %k_1 hide(%choice_tile, %hidden_tile :{{.*}} -> !fa.tile<64x128xbf16, vector at 16384>
// ROWS-NEXT:     %v_1 = fa.load %arg_stored[%c0_4, %c0_4, %c128, %c0_4] :{{.*}} -> !fa.tile<128x128xbf16, matrix at 0>
// ROWS-NEXT:     %10 = fa.scratch : !fa.tile<7x64xbf16, vector at 0>
// ROWS-NEXT:     %o = fa.row_loop rows = 64 unroll = 4 {
// ROWS-NEXT:       %p_1, %m_2, %l_2, %alpha_1 = fa.online_softmax %s_masked, %m, %l ones %ones_tile scratch %10 :{{.*}} -> !fa.tile<64x128xbf16, vector at 16384>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64x64xbf16, vector at 24576>, !fa.tile<64xbf16, scalar>
// ROWS-NEXT:       %pv_2 = fa.matmul %p_1, %v_1 scratch %10 {family = #fa.family<btmv>} :{{.*}} -> !fa.tile<64x128xbf16, vector at 16384>
// ROWS-NEXT:       %acc = fa.accumulate %pv, %pv_2 rescale %alpha_1 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// ROWS-NEXT:       %o_1 = fa.normalize %acc, %l_2 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// ROWS-NEXT:       fa.yield %o_1
// ROWS-NEXT:     } : !fa.tile<64x128xbf16, vector at 8192>
// ROWS-NEXT:     fa.store %o, %output[%c0_4, %c0_4, %c0_4, %c0_4] : !fa.tile<64x128xbf16, vector at 8192>, memref<1x1x64x128xbf16, #fa.hbm>
