// RUN: fa-opt %s --tile="kv-tile=64" --fuse --map="qk=tmm pv=btmv sums=reduce" --cse --canonicalize | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse --map="qk=tmm pv=btmv sums=reduce" --schedule-rows --cse --canonicalize | filecheck %s --check-prefix AFTER
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --schedule-rows="unroll-rows=12" --cse | filecheck %s --check-prefix FIRST
// RUN: ! fa-opt %s --tile --fuse --schedule-rows="unroll-rows=0" 2>&1 | filecheck %s --check-prefix NONE

// 64 queries, 192 keys in three tiles; the same with 128 keys.

func.func @attention(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x1x64x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}

func.func @one(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x128x64xbf16>, %V: tensor<1x1x128x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x1x64x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}

// BEFORE:      %m = fa.fill 0xff800000 : f32
// BEFORE-NEXT: %l = fa.fill 0.000000e+00 : f32
// BEFORE-NEXT: %acc = fa.fill 0.000000e+00 : f32
// BEFORE-NEXT: %m_1, %l_1, %acc_1 = scf.for %key = %c0 to %c192 step %c64 iter_args(%m_2 = %m, %l_2 = %l, %acc_2 = %acc)
// BEFORE-NEXT:   %k = fa.load %K[%c0, %c0, %key, %c0]
// BEFORE-NEXT:   %s = fa.scores %q_scaled, %k
// BEFORE-NEXT:   %p, %m_3, %l_3, %alpha = fa.online_softmax %s, %m_2, %l_2
// BEFORE-NEXT:   %v = fa.load %{{.*}}[%c0, %c0, %key, %c0]
// BEFORE-NEXT:   %pv = fa.matmul %p, %v {family = #fa.family<btmv>}
// BEFORE-NEXT:   %acc_3 = fa.accumulate %acc_2, %pv rescale %alpha
// BEFORE-NEXT:   scf.yield %m_3, %l_3, %acc_3
// BEFORE-NEXT: }
// BEFORE-NEXT: %o = fa.normalize %acc_1, %l_1 {factor = 4.000000e+00 : f32}

// The first tile starts the recurrence: no fills, nothing to rescale, and the loop begins at the second one.
// Softmax, P V by rows and the accumulation are one loop over rows, with the load of V in front of it.
//
// AFTER:      %k = fa.load %K[%c0, %c0, %c0, %c0]
// AFTER-NEXT: %s = fa.scores %q_scaled, %k {family = #fa.family<tmm>}
// AFTER-NEXT: %v = fa.load %{{.*}}[%c0, %c0, %c0, %c0]
// AFTER-NEXT: %m, %l, %pv = fa.row_loop rows = 64 unroll = 4 {
// AFTER-NEXT:   %p, %m_1, %l_1, %alpha = fa.online_softmax %s
// AFTER-NEXT:   %pv_1 = fa.matmul %p, %v {family = #fa.family<btmv>}
// AFTER-NEXT:   fa.yield %m_1, %l_1, %pv_1
// AFTER-NEXT: }
// AFTER-NEXT: %m_2, %l_2, %acc = scf.for %key = %c64 to %c192 step %c64 iter_args(%m_3 = %m, %l_3 = %l, %acc_1 = %pv)
// AFTER-NEXT:   %k_1 = fa.load %K[%c0, %c0, %key, %c0]
// AFTER-NEXT:   %s_1 = fa.scores %q_scaled, %k_1 {family = #fa.family<tmm>}
// AFTER-NEXT:   %v_1 = fa.load %{{.*}}[%c0, %c0, %key, %c0]
// AFTER-NEXT:   %m_4, %l_4, %acc_2 = fa.row_loop rows = 64 unroll = 4 {
// AFTER-NEXT:     %p_1, %m_5, %l_5, %alpha_1 = fa.online_softmax %s_1, %m_3, %l_3
// AFTER-NEXT:     %pv_2 = fa.matmul %p_1, %v_1 {family = #fa.family<btmv>}
// AFTER-NEXT:     %acc_3 = fa.accumulate %acc_1, %pv_2 rescale %alpha_1
// AFTER-NEXT:     fa.yield %m_5, %l_5, %acc_3
// AFTER-NEXT:   }
// AFTER-NEXT:   scf.yield %m_4, %l_4, %acc_2
// AFTER-NEXT: }
// AFTER-NEXT: %o = fa.row_loop rows = 64 unroll = 4 {
// AFTER-NEXT:   %o_1 = fa.normalize %acc, %l_2 {factor = 4.000000e+00 : f32}
// AFTER-NEXT:   fa.yield %o_1
// AFTER-NEXT: }

// One tile of all keys, P V by blocks: P is divided by the sums in the loop over its rows, which saves one over those of
// P V. Eight rows an iteration, the most up to twelve that divide 64. V is loaded where it stood: nothing in the loop waits
// for it.
//
// FIRST-LABEL: @one
// FIRST:      %s = fa.scores %q_scaled, %k {family = #fa.family<tmm>}
// FIRST-NEXT: %p = fa.row_loop rows = 64 unroll = 8 {
// FIRST-NEXT:   %p_1, %m, %l, %alpha = fa.online_softmax %s
// FIRST-NEXT:   %p_2 = fa.normalize %p_1, %l
// FIRST-NEXT:   fa.yield %p_2
// FIRST-NEXT: }
// FIRST-NEXT: %v = fa.load %V[%c0, %c0, %c0, %c0]
// FIRST-NEXT: %pv = fa.matmul %p, %v {family = #fa.family<mm>}
// FIRST-NEXT: fa.store %pv, %output[%c0, %c0, %c0, %c0]

// NONE: schedule_rows.mlir:1:1: error: unroll-rows must be at least 1, got 0

// One query, in a tile of four rows: whatever the number of key tiles, loops go through one row where
// all is done row by row, and through all where M_MM takes blocks of them.
//
// RUN: fa-gen --model Llama-3.2-1B --phase decode --seq 192 -o %t.mlir
// RUN: fa-opt %t.mlir --tile="kv-tile=64" --fuse --map="qk=tmm pv=btmv sums=reduce" --specialize-masks --schedule-rows | filecheck %s --check-prefix DECODE
// RUN: fa-opt %t.mlir --tile="kv-tile=64" --fuse --map="qk=tmm pv=mm sums=reduce" --specialize-masks --schedule-rows | filecheck %s --check-prefix BYBLOCKS
// DECODE-COUNT-3: fa.row_loop rows = 1 unroll = 1
// DECODE-NOT: rows = 4
// BYBLOCKS: fa.row_loop rows = 4 unroll = 4
// BYBLOCKS-NEXT: {{.*}} = fa.online_softmax
// BYBLOCKS: fa.row_loop rows = 1 unroll = 1
// BYBLOCKS-NEXT: {{.*}} = fa.accumulate
// BYBLOCKS: fa.row_loop rows = 1 unroll = 1
// BYBLOCKS-NEXT: {{.*}} = fa.normalize
