// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --specialize-masks --cse --canonicalize | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --specialize-masks --trim-tiles --cse --canonicalize | filecheck %s --check-prefix AFTER
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=btmv sums=reduce" --specialize-masks --trim-tiles --cse --canonicalize | filecheck %s --check-prefix TRANSPOSED
// RUN: fa-opt %s --tile --fuse --specialize-masks --trim-tiles --cse --canonicalize | filecheck %s --check-prefix LOADS

// Each query sees 21 keys of 256: queries 0 to 63 those from 44 to 127, queries 64 to 127 those from 108 to 191.

func.func @attention(%Q: tensor<1x1x128x64xbf16>, %K: tensor<1x1x256x64xbf16>, %V: tensor<1x1x256x64xbf16>)
    -> tensor<1x1x128x64xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.window<left = 20, right = 0, offset = 64>}
      : tensor<1x1x128x64xbf16>, tensor<1x1x256x64xbf16>, tensor<1x1x256x64xbf16> -> tensor<1x1x128x64xbf16>
  func.return %O : tensor<1x1x128x64xbf16>
}

// BEFORE: %k = fa.load %K[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<256x64xbf16, matrix>
// BEFORE: %v = fa.load %V[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<256x64xbf16, matrix>
// BEFORE: %s = fa.scores %q_scaled, %k {{.*}}-> !fa.tile<64x256xbf16, vector>
// BEFORE: %s_masked = fa.mask %s at[%c0, %c0, %c0, %c0] {kv_len = 256 : i64, mask = #fa.window<left = 20, right = 0, offset = 64>} {{.*}}-> !fa.tile<64x256xbf16, vector>
// BEFORE: %p, %m_1, %l_1, %alpha = fa.online_softmax %s_masked, %m, %l {{.*}}-> !fa.tile<64x256xbf16, vector>
// BEFORE: %pv = fa.matmul %p, %v {{.*}}-> !fa.tile<64x64xbf16, vector>
// BEFORE: %s_1 = fa.scores %q_scaled_1, %k {{.*}}-> !fa.tile<64x256xbf16, vector>
// BEFORE: %s_masked_1 = fa.mask %s_1 at[%c0, %c0, %c64, %c0] {kv_len = 256 : i64, mask = #fa.window<left = 20, right = 0, offset = 64>} {{.*}}-> !fa.tile<64x256xbf16, vector>
// BEFORE: %p_1, %m_2, %l_2, %alpha_1 = fa.online_softmax %s_masked_1, %m, %l {{.*}}-> !fa.tile<64x256xbf16, vector>
// BEFORE: %pv_1 = fa.matmul %p_1, %v {{.*}}-> !fa.tile<64x64xbf16, vector>

// Whole panels of 64 keys that none of a tile's rows sees are gone, here the last two or the first and the last.
// Keys and values stay on chip as a whole, because all tiles of queries use them, so the parts are views.
//
// AFTER: %k = fa.load %K[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<256x64xbf16, matrix>
// AFTER: %v = fa.load %V[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<256x64xbf16, matrix>
// AFTER: %k_1 = fa.view %k {row = 0 : i64, col = 0 : i64} {{.*}}-> !fa.tile<128x64xbf16, matrix>
// AFTER: %s = fa.scores %q_scaled, %k_1 {{.*}}-> !fa.tile<64x128xbf16, vector>
// AFTER: %s_masked = fa.mask %s at[%c0, %c0, %c0, %c0] {kv_len = 256 : i64, mask = #fa.window<left = 20, right = 0, offset = 64>} {{.*}}-> !fa.tile<64x128xbf16, vector>
// AFTER: %p, %m_1, %l_1, %alpha = fa.online_softmax %s_masked, %m, %l {{.*}}-> !fa.tile<64x128xbf16, vector>
// AFTER: %v_1 = fa.view %v {row = 0 : i64, col = 0 : i64} {{.*}}-> !fa.tile<128x64xbf16, matrix>
// AFTER: %pv = fa.matmul %p, %v_1 {{.*}}-> !fa.tile<64x64xbf16, vector>
// AFTER: %k_2 = fa.view %k {row = 64 : i64, col = 0 : i64} {{.*}}-> !fa.tile<128x64xbf16, matrix>
// AFTER: %s_1 = fa.scores %q_scaled_1, %k_2 {{.*}}-> !fa.tile<64x128xbf16, vector>
// AFTER: %s_masked_1 = fa.mask %s_1 at[%c0, %c0, %c64, %c64] {kv_len = 256 : i64, mask = #fa.window<left = 20, right = 0, offset = 64>} {{.*}}-> !fa.tile<64x128xbf16, vector>
// AFTER: %p_1, %m_2, %l_2, %alpha_1 = fa.online_softmax %s_masked_1, %m, %l {{.*}}-> !fa.tile<64x128xbf16, vector>
// AFTER: %v_2 = fa.view %v {row = 64 : i64, col = 0 : i64} {{.*}}-> !fa.tile<128x64xbf16, matrix>
// AFTER: %pv_1 = fa.matmul %p_1, %v_2 {{.*}}-> !fa.tile<64x64xbf16, vector>

// Of values that are stored transposed, keys are columns.
//
// TRANSPOSED: %v = fa.load %0[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<64x256xbf16, matrix>
// TRANSPOSED: %v_1 = fa.view %v {row = 0 : i64, col = 0 : i64} {{.*}}-> !fa.tile<64x128xbf16, matrix>
// TRANSPOSED: %pv = fa.matmul %p, %v_1 {family = #fa.family<btmv>} {{.*}}-> !fa.tile<64x64xbf16, vector>
// TRANSPOSED: %v_2 = fa.view %v {row = 0 : i64, col = 64 : i64} {{.*}}-> !fa.tile<64x128xbf16, matrix>
// TRANSPOSED: %pv_1 = fa.matmul %p_1, %v_2 {family = #fa.family<btmv>} {{.*}}-> !fa.tile<64x64xbf16, vector>

// Where each tile of queries loads its own, only the part is loaded.
//
// LOADS: %k = fa.load %K[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<128x64xbf16, matrix>
// LOADS: %v = fa.load %V[%c0, %c0, %c0, %c0] {{.*}}-> !fa.tile<128x64xbf16, matrix>
// LOADS: %k_1 = fa.load %K[%c0, %c0, %c64, %c0] {{.*}}-> !fa.tile<128x64xbf16, matrix>
// LOADS: %v_1 = fa.load %V[%c0, %c0, %c64, %c0] {{.*}}-> !fa.tile<128x64xbf16, matrix>
