// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram | filecheck %s

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
// CHECK-NEXT:     %m = fa.fill 0xff800000 : f32 : !fa.tile<64xbf16, scalar at 0>
// CHECK-NEXT:     %l = fa.fill 0.000000e+00 : f32 : !fa.tile<64xbf16, scalar at 64>
// CHECK-NEXT:     %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<64x128xbf16, vector at 8192>
//
// What the loop carries keeps its place: initial value, argument, yielded value and result.
// CHECK:          %0, %1, %2 = scf.for %key = %c0_2 to %c192 step %c64 iter_args(%m_1 = %m, %l_1 = %l, %acc_1 = %acc)
//
// V is loaded over K, which is dead by then; P takes the place of S.
// CHECK-NEXT:       %k = fa.load %K_stored[%c0_1, %c0_1, %key, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:       %s = fa.scores %q_scaled, %k :{{.*}} -> !fa.tile<64x64xbf16, vector at 24576>
// CHECK-NEXT:       %p, %m_2, %l_2, %alpha = fa.online_softmax %s, %m_1, %l_1 :{{.*}} -> !fa.tile<64x64xbf16, vector at 24576>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// CHECK-NEXT:       %v = fa.load %V_stored[%c0_1, %c0_1, %key, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:       %pv = fa.matmul %p, %v :{{.*}} -> !fa.tile<64x128xbf16, vector at 16384>
// CHECK-NEXT:       %acc_2 = fa.accumulate %acc_1, %pv rescale %alpha :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:       scf.yield %m_2, %l_2, %acc_2
// CHECK-NEXT:     }
// CHECK:          %k_1 = fa.load %K_stored[%c0_1, %c0_1, %c192_1, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:     %s_1 = fa.scores %q_scaled, %k_1 :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>
//
// A mask works in two rows of its own. The queries are dead by then, and lend theirs.
// CHECK-NEXT:     %3 = fa.scratch : !fa.tile<2x64xbf16, vector at 0>
// CHECK-NEXT:     %s_masked = fa.mask %s_1 at[%c0_1, %c0_1, %c0, %c192_1] scratch %3 {kv_len = 256 : i64, mask = #fa.causal<offset = 200>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>
// CHECK-NEXT:     %p_1, %m_3, %l_3, %alpha_1 = fa.online_softmax %s_masked, %0, %1 :{{.*}} -> !fa.tile<64x64xbf16, vector at 16384>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// CHECK-NEXT:     %v_1 = fa.load %V_stored[%c0_1, %c0_1, %c192_1, %c0_1] :{{.*}} -> !fa.tile<64x128xbf16, matrix at 0>
// CHECK-NEXT:     %pv_1 = fa.matmul %p_1, %v_1 :{{.*}} -> !fa.tile<64x128xbf16, vector at 0>
// CHECK-NEXT:     %acc_3 = fa.accumulate %2, %pv_1 rescale %alpha_1 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:     %o = fa.normalize %acc_3, %l_3 :{{.*}} -> !fa.tile<64x128xbf16, vector at 8192>
// CHECK-NEXT:     fa.store %o, %output[%c0_1, %c0_1, %c0_1, %c0_1] : !fa.tile<64x128xbf16, vector at 8192>, memref<1x1x64x128xbf16, #fa.hbm>
