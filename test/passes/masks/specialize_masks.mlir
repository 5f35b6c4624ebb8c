// RUN: fa-opt %s --tile="kv-tile=64" --fuse --specialize-masks --cse --canonicalize --split-input-file | filecheck %s

// Two query heads on one KV head, 128 queries and 192 keys in tiles of 64, causal.

func.func @attention(%Q: tensor<1x2x128x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x2x128x64xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.causal}
      : tensor<1x2x128x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %O : tensor<1x2x128x64xbf16>
}

// The loop over queries is unrolled, because its tiles are masked differently. Heads stay a loop.
//
// CHECK-LABEL: @attention
// CHECK:          scf.for %member = %c0 to %c2 step %c1 {
// CHECK-NEXT:       %q = fa.load %Q[%c0, %member, %c0, %c0]
// CHECK-NEXT:       %q_scaled = fa.scale %q by 1.250000e-01 : f32
// CHECK-NEXT:       %m = fa.fill 0xff800000 : f32
// CHECK-NEXT:       %l = fa.fill 0.000000e+00 : f32
// CHECK-NEXT:       %acc = fa.fill 0.000000e+00 : f32
//
// Queries 0 to 63 see keys up to their number plus 64. Keys 0 to 63, whole:
// CHECK-NEXT:       %k = fa.load %K[%c0, %c0, %c0, %c0]
// CHECK-NEXT:       %s = fa.scores %q_scaled, %k
// CHECK-NEXT:       %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l
// CHECK-NEXT:       %v = fa.load %V[%c0, %c0, %c0, %c0]
// CHECK-NEXT:       %pv = fa.matmul %p, %v
// CHECK-NEXT:       %acc_1 = fa.accumulate %acc, %pv rescale %alpha
//
// Keys 64 to 127, in part; keys 128 to 191 they do not see:
// CHECK-NEXT:       %k_1 = fa.load %K[%c0, %c0, %c64, %c0]
// CHECK-NEXT:       %s_1 = fa.scores %q_scaled, %k_1
// CHECK-NEXT:       %s_masked = fa.mask %s_1 at[%c0, %c0, %c0, %c64] {kv_len = 192 : i64, mask = #fa.causal<offset = 64>}
// CHECK-NEXT:       %p_1, %m_2, %l_2, %alpha_1 = fa.online_softmax %s_masked, %m_1, %l_1
// CHECK-NEXT:       %v_1 = fa.load %V[%c0, %c0, %c64, %c0]
// CHECK-NEXT:       %pv_1 = fa.matmul %p_1, %v_1
// CHECK-NEXT:       %acc_2 = fa.accumulate %acc_1, %pv_1 rescale %alpha_1
// CHECK-NEXT:       %o = fa.normalize %acc_2, %l_2
// CHECK-NEXT:       fa.store %o, %output[%c0, %member, %c0, %c0]
//
// Queries 64 to 127 see keys 0 to 127 whole, a loop:
// CHECK-NEXT:       %q_1 = fa.load %Q[%c0, %member, %c64, %c0]
// CHECK-NEXT:       %q_scaled_1 = fa.scale %q_1 by 1.250000e-01 : f32
// CHECK-NEXT:       %0, %1, %2 = scf.for %key = %c0 to %c128 step %c64 iter_args(%m_3 = %m, %l_3 = %l, %acc_3 = %acc)
// CHECK-NEXT:         %k_2 = fa.load %K[%c0, %c0, %key, %c0]
// CHECK-NEXT:         %s_2 = fa.scores %q_scaled_1, %k_2
// CHECK-NEXT:         %p_2, %m_4, %l_4, %alpha_2 = fa.online_softmax %s_2, %m_3, %l_3
// CHECK-NEXT:         %v_2 = fa.load %V[%c0, %c0, %key, %c0]
// CHECK-NEXT:         %pv_2 = fa.matmul %p_2, %v_2
// CHECK-NEXT:         %acc_4 = fa.accumulate %acc_3, %pv_2 rescale %alpha_2
// CHECK-NEXT:         scf.yield %m_4, %l_4, %acc_4
// CHECK-NEXT:       }
//
// and keys 128 to 191 in part:
// CHECK-NEXT:       %k_3 = fa.load %K[%c0, %c0, %c128, %c0]
// CHECK-NEXT:       %s_3 = fa.scores %q_scaled_1, %k_3
// CHECK-NEXT:       %s_masked_1 = fa.mask %s_3 at[%c0, %c0, %c64, %c128] {kv_len = 192 : i64, mask = #fa.causal<offset = 64>}
// CHECK-NEXT:       %p_3, %m_5, %l_5, %alpha_3 = fa.online_softmax %s_masked_1, %0, %1
// CHECK-NEXT:       %v_3 = fa.load %V[%c0, %c0, %c128, %c0]
// CHECK-NEXT:       %pv_3 = fa.matmul %p_3, %v_3
// CHECK-NEXT:       %acc_5 = fa.accumulate %2, %pv_3 rescale %alpha_3
// CHECK-NEXT:       %o_1 = fa.normalize %acc_5, %l_5
// CHECK-NEXT:       fa.store %o_1, %output[%c0, %member, %c64, %c0]
// CHECK-NEXT:     }
// CHECK-NEXT:     %O = fa.result %output
// CHECK-NEXT:     func.return %O : tensor<1x2x128x64xbf16>

// -----

// Without a mask nothing is unrolled; 192 keys are whole tiles, so there is no padding to hide.

func.func @no_mask(%Q: tensor<1x2x128x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x2x128x64xbf16> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x2x128x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %O : tensor<1x2x128x64xbf16>
}

// CHECK-LABEL: @no_mask
// CHECK-NOT:   fa.mask %
// CHECK:       scf.for %row =
// CHECK:       scf.for %key =
// CHECK-NOT:   fa.mask %
// CHECK:       fa.result

// -----

// 130 keys: the third tile holds two of them, and is the only one that is masked.

func.func @padding(%Q: tensor<1x2x128x64xbf16>, %K: tensor<1x1x130x64xbf16>, %V: tensor<1x1x130x64xbf16>)
    -> tensor<1x2x128x64xbf16> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x2x128x64xbf16>, tensor<1x1x130x64xbf16>, tensor<1x1x130x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %O : tensor<1x2x128x64xbf16>
}

// CHECK-LABEL: @padding
// CHECK:       scf.for %row =
// CHECK:       scf.for %key = %c0 to %c128 step %c64
// CHECK-NOT:   fa.mask %
// CHECK:       scf.yield
// CHECK:       fa.mask {{.*}} {kv_len = 130 : i64}
// CHECK-NOT:   fa.mask %
// CHECK:       fa.result
