// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize --allocate-sram --cse --canonicalize --dce | filecheck %s
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize --allocate-sram --cse --canonicalize --dce | fa-opt --cse --canonicalize --lower-to-isa -t plena-asm -o %t.cleaned
// RUN: fa-opt %s --map="pv=btmv sums=ones" --fa-to-plena -t plena-asm | diff - %t.cleaned

// Upstream cse, canonicalize and dce after allocation: addresses are memory, so every load, store and
// step stays, and the program is the same. What goes are constants that are there twice.

func.func @attention(%Q: tensor<1x1x64x128xbf16>, %K: tensor<1x1x256x128xbf16>, %V: tensor<1x1x256x128xbf16>)
    -> tensor<1x1x64x128xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.causal<offset = 200>}
      : tensor<1x1x64x128xbf16>, tensor<1x1x256x128xbf16>, tensor<1x1x256x128xbf16> -> tensor<1x1x64x128xbf16>
  func.return %O : tensor<1x1x64x128xbf16>
}

// CHECK-LABEL: @attention
// CHECK:          %ones_tile = fa.load %{{.*}}[%c0, %c0]
// CHECK:          %q = fa.load %{{.*}}[%c0, %c0, %c0, %c0]
// CHECK-NEXT:     %q_scaled = fa.scale %q by 0.353553385 : f32
// CHECK-NEXT:     %k = fa.load %{{.*}}[%c0, %c0, %c0, %c0]
// CHECK-NEXT:     %s = fa.scores %q_scaled, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 8>}
// CHECK-NEXT:     %v = fa.load %{{.*}}[%c0, %c0, %c0, %c0]
// CHECK-NEXT:     %{{.*}} = fa.scratch
// CHECK-NEXT:     %m, %l, %pv = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:       %p, %m_1, %l_1, %alpha = fa.online_softmax %s ones %ones_tile scratch %{{.*}}
// CHECK-NEXT:       %pv_1 = fa.matmul %p, %v scratch %{{.*}} {family = #fa.family<btmv>}
// CHECK-NEXT:       fa.yield %m_1, %l_1, %pv_1
// CHECK-NEXT:     }
// CHECK-NEXT:     %c128 = arith.constant 128 : index
// CHECK-NEXT:     %k_1 = fa.load %{{.*}}[%c0, %c0, %c128, %c0]
// CHECK-NEXT:     %s_masked = fa.scores %q_scaled, %k_1 hide(%choice_tile, %hidden_tile :{{.*}}) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 8>, choices = array<i64: 0, 1, 2, 3,
// CHECK-NEXT:     %v_1 = fa.load %{{.*}}[%c0, %c0, %c128, %c0]
// CHECK-NEXT:     %{{.*}} = fa.scratch
// CHECK-NEXT:     %o = fa.row_loop rows = 64 unroll = 4 {
// CHECK-NEXT:       %p_1, %m_2, %l_2, %alpha_1 = fa.online_softmax %s_masked, %m, %l ones %ones_tile scratch %{{.*}}
// CHECK-NEXT:       %pv_2 = fa.matmul %p_1, %v_1 scratch %{{.*}} {family = #fa.family<btmv>}
// CHECK-NEXT:       %acc = fa.accumulate %pv, %pv_2 rescale %alpha_1
// CHECK-NEXT:       %o_1 = fa.normalize %acc, %l_2
// CHECK-NEXT:       fa.yield %o_1
// CHECK-NEXT:     }
// CHECK-NEXT:     fa.store %o, %output[%c0, %c0, %c0, %c0]
// CHECK-NEXT:     %O = fa.result %output
// CHECK-NEXT:     func.return %O
