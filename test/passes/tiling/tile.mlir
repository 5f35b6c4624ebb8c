// RUN: fa-opt %s --tile="kv-tile=64" --cse | filecheck %s
// RUN: fa-opt %s --tile='q-tile=32 kv-tile=128' --cse | filecheck %s --check-prefix=SIZES

// Two query heads on one KV head, 128 queries and 192 keys in tiles of 64, causal.

func.func @attention(%Q: tensor<1x2x128x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x2x128x64xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.causal}
      : tensor<1x2x128x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %O : tensor<1x2x128x64xbf16>
}

// The module remembers what was asked for.
//
// CHECK:      fa.problem = [{batch = 1 : i64, q_heads = 2 : i64, kv_heads = 1 : i64, q_len = 128 : i64,
// CHECK-SAME: kv_len = 192 : i64, head_dim = 64 : i64, value_dim = 64 : i64, mask = #fa.causal<offset = 64>}]
//
// S, P and O are buffers in HBM; every head uses the same S and P.
//
// CHECK:          %scores = memref.alloc() : memref<128x192xbf16, #fa.hbm>
// CHECK-NEXT:     %weights = memref.alloc() : memref<128x192xbf16, #fa.hbm>
// CHECK-NEXT:     %output = memref.alloc() : memref<1x2x128x64xbf16, #fa.hbm>
// CHECK:          scf.for %member = %c0 to %c2 step %c1 {
//
// S = scale Q K^T, tile by tile:
// CHECK-NEXT:       scf.for %row = %c0 to %c128 step %c64 {
// CHECK-NEXT:         %q = fa.load %Q[%c0, %member, %row, %c0]
// CHECK-NEXT:         %q_scaled = fa.scale %q by 1.250000e-01 : f32
// CHECK-NEXT:         scf.for %key = %c0 to %c192 step %c64 {
// CHECK-NEXT:           %k = fa.load %K[%c0, %c0, %key, %c0]
// CHECK-NEXT:           %s = fa.scores %q_scaled, %k
// CHECK-NEXT:           fa.store %s, %scores[%row, %key]
// CHECK-NEXT:         }
// CHECK-NEXT:       }
//
// P = softmax(S), by whole rows:
// CHECK-NEXT:       scf.for %row_1 = %c0 to %c128 step %c64 {
// CHECK-NEXT:         %s_1 = fa.load %scores[%row_1, %c0]
// CHECK-NEXT:         %s_masked = fa.mask %s_1 at[%c0, %member, %row_1, %c0] {kv_len = 192 : i64, mask = #fa.causal<offset = 64>}
// CHECK-NEXT:         %p, %m, %l = fa.softmax %s_masked
// CHECK-NEXT:         fa.store %p, %weights[%row_1, %c0]
// CHECK-NEXT:       }
//
// O = P V:
// CHECK-NEXT:       scf.for %row_2 = %c0 to %c128 step %c64 {
// CHECK-NEXT:         %acc = fa.fill 0.000000e+00 : f32
// CHECK-NEXT:         %acc_1 = scf.for %key_1 = %c0 to %c192 step %c64 iter_args(%acc_2 = %acc)
// CHECK-NEXT:           %p_1 = fa.load %weights[%row_2, %key_1]
// CHECK-NEXT:           %v = fa.load %V[%c0, %c0, %key_1, %c0]
// CHECK-NEXT:           %pv = fa.matmul %p_1, %v
// CHECK-NEXT:           %acc_3 = fa.accumulate %acc_2, %pv
// CHECK-NEXT:           scf.yield %acc_3
// CHECK-NEXT:         }
// CHECK-NEXT:         fa.store %acc_1, %output[%c0, %member, %row_2, %c0]
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:     %O = fa.result %output
// CHECK-NEXT:     func.return %O : tensor<1x2x128x64xbf16>

// Options set the sizes of tiles; the buffers cover whole tiles, here 256 keys.
//
// SIZES:      %scores = memref.alloc() : memref<128x256xbf16, #fa.hbm>
// SIZES:      fa.load %Q[{{.*}}] : {{.*}} -> !fa.tile<32x64xbf16, vector>
// SIZES:      fa.load %K[{{.*}}] : {{.*}} -> !fa.tile<128x64xbf16, matrix>
// SIZES:      fa.load %scores[{{.*}}] : {{.*}} -> !fa.tile<32x256xbf16, vector>
// SIZES:      fa.load %V[{{.*}}] : {{.*}} -> !fa.tile<128x64xbf16, matrix>
