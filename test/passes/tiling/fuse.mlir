// RUN: fa-opt %s --tile="kv-tile=64" --fuse --cse --canonicalize --split-input-file | filecheck %s

// Two query heads on one KV head, 128 queries and 192 keys in tiles of 64, causal.

func.func @attention(%Q: tensor<1x2x128x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x2x128x64xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.causal}
      : tensor<1x2x128x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %O : tensor<1x2x128x64xbf16>
}

// One nest instead of three: S and P have no buffers, m, l and the accumulator are carried from key
// tile to key tile.
//
// CHECK-LABEL: @attention
// CHECK-NOT:   memref.alloc() : memref<128x192xbf16
// CHECK:          scf.for %member = %c0 to %c2 step %c1 {
// CHECK-NEXT:       scf.for %row = %c0 to %c128 step %c64 {
// CHECK-NEXT:         %q = fa.load %Q[%c0, %member, %row, %c0]
// CHECK-NEXT:         %q_scaled = fa.scale %q by 1.250000e-01 : f32
// CHECK-NEXT:         %m = fa.fill 0xff800000 : f32
// CHECK-NEXT:         %l = fa.fill 0.000000e+00 : f32
// CHECK-NEXT:         %acc = fa.fill 0.000000e+00 : f32
//
// The online softmax:
// CHECK-NEXT:         %m_1, %l_1, %acc_1 = scf.for %key = %c0 to %c192 step %c64 iter_args(%m_2 = %m, %l_2 = %l, %acc_2 = %acc)
// CHECK-NEXT:           %k = fa.load %K[%c0, %c0, %key, %c0]
// CHECK-NEXT:           %s = fa.scores %q_scaled, %k
// CHECK-NEXT:           %s_masked = fa.mask %s at[%c0, %member, %row, %key] {kv_len = 192 : i64, mask = #fa.causal<offset = 64>}
// CHECK-NEXT:           %p, %m_3, %l_3, %alpha = fa.online_softmax %s_masked, %m_2, %l_2
// CHECK-NEXT:           %v = fa.load %V[%c0, %c0, %key, %c0]
// CHECK-NEXT:           %pv = fa.matmul %p, %v
// CHECK-NEXT:           %acc_3 = fa.accumulate %acc_2, %pv rescale %alpha
// CHECK-NEXT:           scf.yield %m_3, %l_3, %acc_3
// CHECK-NEXT:         }
//
// The division by l comes last:
// CHECK-NEXT:         %o = fa.normalize %acc_1, %l_1
// CHECK-NEXT:         fa.store %o, %output[%c0, %member, %row, %c0]
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:     %O = fa.result %output
// CHECK-NEXT:     func.return %O : tensor<1x2x128x64xbf16>

// -----

// What is not standard attention stays: here somebody else reads the scores.

func.func @read(%Q: tensor<64x64xbf16>, %K: tensor<64x64xbf16>) -> (tensor<64x64xbf16>, tensor<64x64xbf16>) {
  %c0 = arith.constant 0 : index
  %scores = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %weights = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  fa.store %s, %scores[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  %s_1 = fa.load %scores[%c0, %c0] : memref<64x64xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector>
  %p, %m, %l = fa.softmax %s_1 : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar>
  fa.store %p, %weights[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  %S = fa.result %scores : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  %P = fa.result %weights : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %S, %P : tensor<64x64xbf16>, tensor<64x64xbf16>
}

// CHECK-LABEL: @read
// CHECK:       fa.store %s, %scores
// CHECK-NEXT:  %s_1 = fa.load %scores
// CHECK-NEXT:  %p, %m, %l = fa.softmax %s_1
// CHECK-NEXT:  fa.store %p, %weights
