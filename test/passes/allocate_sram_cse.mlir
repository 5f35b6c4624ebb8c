// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram --cse --canonicalize --dce | filecheck %s
// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram --cse --canonicalize --dce | fa-opt --cse --canonicalize --lower-to-isa -t plena-asm -o %t.cleaned
// RUN: fa-opt %s --fa-to-plena -t plena-asm | diff - %t.cleaned

// Upstream cse, canonicalize and dce after allocation: addresses are memory, so every load, store and
// step stays, and the program is the same. What goes are constants that are there twice.

func.func @attention(%Q: tensor<1x1x64x128xbf16>, %K: tensor<1x1x256x128xbf16>, %V: tensor<1x1x256x128xbf16>)
    -> tensor<1x1x64x128xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.causal<offset = 200>}
      : tensor<1x1x64x128xbf16>, tensor<1x1x256x128xbf16>, tensor<1x1x256x128xbf16> -> tensor<1x1x64x128xbf16>
  func.return %O : tensor<1x1x64x128xbf16>
}

// CHECK-LABEL: @attention
// CHECK:          %q = fa.load %Q[%c0, %c0, %c0, %c0]
// CHECK-NEXT:     %q_scaled = fa.scale %q by 0.0883883461 : f32
// CHECK-NEXT:     %m = fa.fill 0xff800000 : f32
// CHECK-NEXT:     %l = fa.fill 0.000000e+00 : f32
// CHECK-NEXT:     %acc = fa.fill 0.000000e+00 : f32
// CHECK-NEXT:     %c192 = arith.constant 192 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %0, %1, %2 = scf.for %key = %c0 to %c192 step %c64 iter_args(%m_1 = %m, %l_1 = %l, %acc_1 = %acc)
// CHECK-NEXT:       %k = fa.load %K_stored[%c0, %c0, %key, %c0]
// CHECK-NEXT:       %s = fa.scores %q_scaled, %k
// CHECK-NEXT:       %p, %m_2, %l_2, %alpha = fa.online_softmax %s, %m_1, %l_1
// CHECK-NEXT:       %v = fa.load %V_stored[%c0, %c0, %key, %c0]
// CHECK-NEXT:       %pv = fa.matmul %p, %v
// CHECK-NEXT:       %acc_2 = fa.accumulate %acc_1, %pv rescale %alpha
// CHECK-NEXT:       scf.yield %m_2, %l_2, %acc_2
// CHECK-NEXT:     }
// CHECK-NEXT:     %k_1 = fa.load %K_stored[%c0, %c0, %c192, %c0]
// CHECK-NEXT:     %s_1 = fa.scores %q_scaled, %k_1
// CHECK-NEXT:     %3 = fa.scratch
// CHECK-NEXT:     %s_masked = fa.mask %s_1 at[%c0, %c0, %c0, %c192] scratch %3 {kv_len = 256 : i64, mask = #fa.causal<offset = 200>}
// CHECK-NEXT:     %p_1, %m_3, %l_3, %alpha_1 = fa.online_softmax %s_masked, %0, %1
// CHECK-NEXT:     %v_1 = fa.load %V_stored[%c0, %c0, %c192, %c0]
// CHECK-NEXT:     %pv_1 = fa.matmul %p_1, %v_1
// CHECK-NEXT:     %acc_3 = fa.accumulate %2, %pv_1 rescale %alpha_1
// CHECK-NEXT:     %o = fa.normalize %acc_3, %l_3
// CHECK-NEXT:     fa.store %o, %output[%c0, %c0, %c0, %c0]
// CHECK-NEXT:     %O = fa.result %output
// CHECK-NEXT:     func.return %O : tensor<1x1x64x128xbf16>
