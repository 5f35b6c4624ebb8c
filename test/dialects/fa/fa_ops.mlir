// RUN: FA_ROUNDTRIP

// Every operation, with and without what is optional: through the generic form, and in its own.

// Attention on tensors.

func.func @attention(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x48xbf16>, %b: tensor<1x1x10x20xbf16>, %s: tensor<4xbf16>) {
// CHECK-LABEL: func.func @attention(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x48xbf16>, %b: tensor<1x1x10x20xbf16>, %s: tensor<4xbf16>) {
  %0 = fa.attention %q, %k, %v : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16> -> tensor<1x4x10x48xbf16>
  // CHECK-NEXT: %0 = fa.attention %q, %k, %v : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16> -> tensor<1x4x10x48xbf16>
  %1 = fa.attention %q, %k, %v {mask = #fa.causal, scale = 5.000000e-01 : f32} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16> -> tensor<1x4x10x48xbf16>
  // CHECK-NEXT: %1 = fa.attention %q, %k, %v {mask = #fa.causal, scale = 5.000000e-01 : f32} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16> -> tensor<1x4x10x48xbf16>
  %2, %3 = fa.attention %q, %k, %v {lse, mask = #fa.causal<offset = -3>} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16> -> tensor<1x4x10x48xbf16>, tensor<1x4x10xf32>
  // CHECK-NEXT: %2, %3 = fa.attention %q, %k, %v {lse, mask = #fa.causal<offset = -3>} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16> -> tensor<1x4x10x48xbf16>, tensor<1x4x10xf32>
  %4, %5, %6 = fa.attention %q, %k, %v bias(%b) sinks(%s) {lse, mask = #fa.causal, softcap = 5.000000e+01 : f32, qk = "masked"} score_mod {
  // CHECK-NEXT: %4, %5, %6 = fa.attention %q, %k, %v bias(%b) sinks(%s) {lse, mask = #fa.causal, softcap = 5.000000e+01 : f32, qk = "masked"} score_mod {
  ^bb0(%x: f32, %n: index, %h: index, %i: index, %j: index):
  // CHECK-NEXT: ^bb0(%x: f32, %n: index, %h: index, %i: index, %j: index):
    fa.yield %x : f32
    // CHECK-NEXT: fa.yield %x : f32
  } prob_mod {
  // CHECK-NEXT: } prob_mod {
  ^bb0(%x_1: f32, %n_1: index, %h_1: index, %i_1: index, %j_1: index):
  // CHECK-NEXT: ^bb0(%x_1: f32, %n_1: index, %h_1: index, %i_1: index, %j_1: index):
    fa.yield %x_1 : f32
    // CHECK-NEXT: fa.yield %x_1 : f32
  } : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16>, tensor<1x1x10x20xbf16>, tensor<4xbf16> -> tensor<1x4x10x48xbf16>, tensor<1x4x10xf32>, tensor<1x4x10x20xbf16>
  // CHECK-NEXT: } : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x48xbf16>, tensor<1x1x10x20xbf16>, tensor<4xbf16> -> tensor<1x4x10x48xbf16>, tensor<1x4x10xf32>, tensor<1x4x10x20xbf16>
  func.return
  // CHECK-NEXT: func.return
}

// Masks.

func.func @masks(%q: tensor<2x4x10x32xbf16>, %k: tensor<2x2x20x32xbf16>) {
// CHECK-LABEL: func.func @masks(%q: tensor<2x4x10x32xbf16>, %k: tensor<2x2x20x32xbf16>) {
  %m0 = fa.attention %q, %k, %k {mask = #fa.window<left = 3>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m0 = fa.attention %q, %k, %k {mask = #fa.window<left = 3>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m1 = fa.attention %q, %k, %k {mask = #fa.window<left = 3, right = 0>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m1 = fa.attention %q, %k, %k {mask = #fa.window<left = 3, right = 0>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m2 = fa.attention %q, %k, %k {mask = #fa.window<right = 2, offset = 1>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m2 = fa.attention %q, %k, %k {mask = #fa.window<right = 2, offset = 1>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m3 = fa.attention %q, %k, %k {mask = #fa.chunked<size = 8>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m3 = fa.attention %q, %k, %k {mask = #fa.chunked<size = 8>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m4 = fa.attention %q, %k, %k {mask = #fa.prefix<length = 4>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m4 = fa.attention %q, %k, %k {mask = #fa.prefix<length = 4>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m5 = fa.attention %q, %k, %k {mask = #fa.documents<[5, 15]>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m5 = fa.attention %q, %k, %k {mask = #fa.documents<[5, 15]>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m6 = fa.attention %q, %k, %k {mask = #fa.documents<[5, 15], offset = 2>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m6 = fa.attention %q, %k, %k {mask = #fa.documents<[5, 15], offset = 2>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m7 = fa.attention %q, %k, %k {mask = #fa.ragged<[10, 20]>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m7 = fa.attention %q, %k, %k {mask = #fa.ragged<[10, 20]>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m8 = fa.attention %q, %k, %k {mask = #fa.ragged<[10, 20], #fa.causal>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m8 = fa.attention %q, %k, %k {mask = #fa.ragged<[10, 20], #fa.causal>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m9 = fa.attention %q, %k, %k {mask = #fa.all_of<[#fa.causal, #fa.window<left = 3>]>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m9 = fa.attention %q, %k, %k {mask = #fa.all_of<[#fa.causal, #fa.window<left = 3>]>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %m10 = fa.attention %q, %k, %k {mask = #fa.grouped<[2, 4, 5], #fa.causal<offset = 15>>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  // CHECK-NEXT: %m10 = fa.attention %q, %k, %k {mask = #fa.grouped<[2, 4, 5], #fa.causal<offset = 15>>} : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  func.return
  // CHECK-NEXT: func.return
}

// Tiles between HBM and the chip.

func.func @transfers(%x: tensor<2x100x64xbf16>, %y: tensor<100x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>>, %i: index) -> tensor<2x100x64xbf16> {
// CHECK-LABEL: func.func @transfers(%x: tensor<2x100x64xbf16>, %y: tensor<100x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>>, %i: index) -> tensor<2x100x64xbf16> {
  %out = memref.alloc() : memref<2x100x64xbf16, #fa.hbm>
  // CHECK-NEXT: %out = memref.alloc() : memref<2x100x64xbf16, #fa.hbm>
  %low = memref.alloc() : memref<2x100x64xbf16, #fa.hbm<#mx.block<e2m1, scale = e8m0, size = 32>>>
  // CHECK-NEXT: %low = memref.alloc() : memref<2x100x64xbf16, #fa.hbm<#mx.block<e2m1, scale = e8m0, size = 32>>>
  %lines = memref.alloc() : memref<2x100xf32, #fa.hbm>
  // CHECK-NEXT: %lines = memref.alloc() : memref<2x100xf32, #fa.hbm>
  %a = fa.load %x[%i, %i, %i] : tensor<2x100x64xbf16> -> !fa.tile<64x64xbf16, vector>
  // CHECK-NEXT: %a = fa.load %x[%i, %i, %i] : tensor<2x100x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %b = fa.load %y[%i, %i] : tensor<100x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>> -> !fa.tile<64x64xbf16, matrix at 4096>
  // CHECK-NEXT: %b = fa.load %y[%i, %i] : tensor<100x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>> -> !fa.tile<64x64xbf16, matrix at 4096>
  %c = fa.load %out[%i, %i, %i] : memref<2x100x64xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector at 8192>
  // CHECK-NEXT: %c = fa.load %out[%i, %i, %i] : memref<2x100x64xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector at 8192>
  fa.store %a, %out[%i, %i, %i] : !fa.tile<64x64xbf16, vector>, memref<2x100x64xbf16, #fa.hbm>
  // CHECK-NEXT: fa.store %a, %out[%i, %i, %i] : !fa.tile<64x64xbf16, vector>, memref<2x100x64xbf16, #fa.hbm>
  fa.store %a, %low[%i, %i, %i] : !fa.tile<64x64xbf16, vector>, memref<2x100x64xbf16, #fa.hbm<#mx.block<e2m1, scale = e8m0, size = 32>>>
  // CHECK-NEXT: fa.store %a, %low[%i, %i, %i] : !fa.tile<64x64xbf16, vector>, memref<2x100x64xbf16, #fa.hbm<#mx.block<e2m1, scale = e8m0, size = 32>>>
  fa.store %a, %lines[%i, %i] {row} : !fa.tile<64x64xbf16, vector>, memref<2x100xf32, #fa.hbm>
  // CHECK-NEXT: fa.store %a, %lines[%i, %i] {row} : !fa.tile<64x64xbf16, vector>, memref<2x100xf32, #fa.hbm>
  %o = fa.result %out : memref<2x100x64xbf16, #fa.hbm> -> tensor<2x100x64xbf16>
  // CHECK-NEXT: %o = fa.result %out : memref<2x100x64xbf16, #fa.hbm> -> tensor<2x100x64xbf16>
  func.return %o : tensor<2x100x64xbf16>
  // CHECK-NEXT: func.return %o : tensor<2x100x64xbf16>
}

// Tiles on chip.

func.func @tiles(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>, %v: !fa.tile<64x128xbf16, matrix>, %i: index) {
// CHECK-LABEL: func.func @tiles(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>, %v: !fa.tile<64x128xbf16, matrix>, %i: index) {
  %m = fa.fill 0xff800000 : f32 : !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %m = fa.fill 0xff800000 : f32 : !fa.tile<8xf32, scalar>
  %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<8x128xbf16, vector>
  %scaled = fa.scale %q by 1.250000e-01 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xf16, vector>
  // CHECK-NEXT: %scaled = fa.scale %q by 1.250000e-01 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xf16, vector>
  %s = fa.scores %q, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %s = fa.scores %q, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %room = fa.scratch : !fa.tile<3x64xbf16, vector>
  // CHECK-NEXT: %room = fa.scratch : !fa.tile<3x64xbf16, vector>
  %masked = fa.mask %s at[%i, %i, %i, %i] {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %masked = fa.mask %s at[%i, %i, %i, %i] {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %masked_1 = fa.mask %s at[%i, %i, %i, %i] scratch %room {kv_len = 20 : i64, mask = #fa.causal<offset = -3>} : !fa.tile<8x64xbf16, vector>, !fa.tile<3x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %masked_1 = fa.mask %s at[%i, %i, %i, %i] scratch %room {kv_len = 20 : i64, mask = #fa.causal<offset = -3>} : !fa.tile<8x64xbf16, vector>, !fa.tile<3x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %p, %m_1, %l = fa.softmax %s : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p, %m_1, %l = fa.softmax %s : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %p_1, %m_2, %l_1 = fa.softmax %s {empty_rows} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p_1, %m_2, %l_1 = fa.softmax %s {empty_rows} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %p_2, %m_3, %l_2, %alpha = fa.online_softmax %s, %m_1, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p_2, %m_3, %l_2, %alpha = fa.online_softmax %s, %m_1, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %p_3, %m_4, %l_3, %alpha_1 = fa.online_softmax %s, %m_3, %l_2 {empty_rows} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %p_3, %m_4, %l_3, %alpha_1 = fa.online_softmax %s, %m_3, %l_2 {empty_rows} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %pb, %mb, %lb, %ab = fa.online_softmax %s sum %l_3 {bounded = 5.000000e+01 : f32} : !fa.tile<8x64xbf16, vector> sum !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %pb, %mb, %lb, %ab = fa.online_softmax %s sum %l_3 {bounded = 5.000000e+01 : f32} : !fa.tile<8x64xbf16, vector> sum !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %pc, %mc, %lc = fa.softmax %s {bounded = 5.000000e+01 : f32} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %pc, %mc, %lc = fa.softmax %s {bounded = 5.000000e+01 : f32} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %pv = fa.matmul %p, %v : !fa.tile<8x64xbf16, vector>, !fa.tile<64x128xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %pv = fa.matmul %p, %v : !fa.tile<8x64xbf16, vector>, !fa.tile<64x128xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  %acc_1 = fa.accumulate %acc, %pv : !fa.tile<8x128xbf16, vector>, !fa.tile<8x128xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %acc_1 = fa.accumulate %acc, %pv : !fa.tile<8x128xbf16, vector>, !fa.tile<8x128xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  %acc_2 = fa.accumulate %acc, %pv rescale %alpha : !fa.tile<8x128xbf16, vector>, !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %acc_2 = fa.accumulate %acc, %pv rescale %alpha : !fa.tile<8x128xbf16, vector>, !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  %o = fa.normalize %acc_1, %l : !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %o = fa.normalize %acc_1, %l : !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  %o_1 = fa.normalize %acc_1, %l {empty_rows} : !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: %o_1 = fa.normalize %acc_1, %l {empty_rows} : !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  %lse = fa.logsumexp %m_1, %l {bound = 20 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xf32, vector>
  // CHECK-NEXT: %lse = fa.logsumexp %m_1, %l {bound = 20 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xf32, vector>
  %lse_1 = fa.logsumexp %m_1, %l scratch %room {bound = 20 : i64, empty_rows} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<3x64xbf16, vector> -> !fa.tile<4x64xf32, vector>
  // CHECK-NEXT: %lse_1 = fa.logsumexp %m_1, %l scratch %room {bound = 20 : i64, empty_rows} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<3x64xbf16, vector> -> !fa.tile<4x64xf32, vector>
  %acc_3, %m_5, %l_4 = fa.combine(%acc_1, %m_1, %l), (%acc_2, %m_2, %l_1) : (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>) -> !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %acc_3, %m_5, %l_4 = fa.combine(%acc_1, %m_1, %l), (%acc_2, %m_2, %l_1) : (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>) -> !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %acc_4, %m_6, %l_5 = fa.combine(%acc_1, %m_1, %l), (%acc_2, %m_2, %l_1) scratch %room {empty_rows} : (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), !fa.tile<3x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %acc_4, %m_6, %l_5 = fa.combine(%acc_1, %m_1, %l), (%acc_2, %m_2, %l_1) scratch %room {empty_rows} : (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), !fa.tile<3x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %mapped = fa.map %s at[%i, %i, %i, %i] {
  // CHECK-NEXT: %mapped = fa.map %s at[%i, %i, %i, %i] {
  ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index):
  // CHECK-NEXT: ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index):
    fa.yield %x : f32
    // CHECK-NEXT: fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: } : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %mapped_1 = fa.map %s at[%i, %i, %i, %i] scratch %room {
  // CHECK-NEXT: %mapped_1 = fa.map %s at[%i, %i, %i, %i] scratch %room {
  ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index):
  // CHECK-NEXT: ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index):
    fa.yield %x : f32
    // CHECK-NEXT: fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> scratch !fa.tile<3x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: } : !fa.tile<8x64xbf16, vector> scratch !fa.tile<3x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %copy = fa.copy %o : !fa.tile<8x128xbf16, vector> -> !fa.tile<8x128xbf16, vector at 0>
  // CHECK-NEXT: %copy = fa.copy %o : !fa.tile<8x128xbf16, vector> -> !fa.tile<8x128xbf16, vector at 0>
  %copy_1 = fa.copy %l : !fa.tile<8xf32, scalar> -> !fa.tile<8xf32, scalar at 7>
  // CHECK-NEXT: %copy_1 = fa.copy %l : !fa.tile<8xf32, scalar> -> !fa.tile<8xf32, scalar at 7>
  func.return
  // CHECK-NEXT: func.return
}

func.func @tables(%s: !fa.tile<8x128xbf16, vector>, %t: !fa.tile<4x64xbf16, vector>, %room: !fa.tile<1x64xbf16, vector>, %i: index) {
// CHECK-LABEL: func.func @tables(%s: !fa.tile<8x128xbf16, vector>, %t: !fa.tile<4x64xbf16, vector>, %room: !fa.tile<1x64xbf16, vector>, %i: index) {
  %mapped = fa.map %s at[%i, %i, %i, %i] with %t, %s scratch %room {
  // CHECK-NEXT: %mapped = fa.map %s at[%i, %i, %i, %i] with %t, %s scratch %room {
  ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index, %y: f32, %z: f32):
  // CHECK-NEXT: ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index, %y: f32, %z: f32):
    fa.yield %z : f32
    // CHECK-NEXT: fa.yield %z : f32
  } : !fa.tile<8x128xbf16, vector> with !fa.tile<4x64xbf16, vector>, !fa.tile<8x128xbf16, vector> scratch !fa.tile<1x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  // CHECK-NEXT: } : !fa.tile<8x128xbf16, vector> with !fa.tile<4x64xbf16, vector>, !fa.tile<8x128xbf16, vector> scratch !fa.tile<1x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  func.return
}

func.func @probabilities(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
// CHECK-LABEL: func.func @probabilities(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %p = fa.probabilities %s, %m, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %p = fa.probabilities %s, %m, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  %p_1 = fa.probabilities %s, %m, %m {empty_rows} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %p_1 = fa.probabilities %s, %m, %m {empty_rows} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

func.func @rows(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
// CHECK-LABEL: func.func @rows(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %r = fa.spread %m : !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %r = fa.spread %m : !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  %l = fa.collect %s : !fa.tile<8x64xbf16, vector> -> !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %l = fa.collect %s : !fa.tile<8x64xbf16, vector> -> !fa.tile<8xf32, scalar>
  func.return
  // CHECK-NEXT: func.return
}

func.func @sinks(%q: !fa.tile<8x64xbf16, vector>) {
// CHECK-LABEL: func.func @sinks(%q: !fa.tile<8x64xbf16, vector>) {
  %m, %l = fa.sink %q : !fa.tile<8x64xbf16, vector> -> !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %m, %l = fa.sink %q : !fa.tile<8x64xbf16, vector> -> !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  %ps, %ms, %ls = fa.softmax %q from %m, %l : !fa.tile<8x64xbf16, vector> from !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  // CHECK-NEXT: %ps, %ms, %ls = fa.softmax %q from %m, %l : !fa.tile<8x64xbf16, vector> from !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// What the host does before a kernel and after it.

func.func @boundary(%x: tensor<2x3x4xbf16>, %y: tensor<2x1x4xbf16>, %m: tensor<2x3xi1>) {
// CHECK-LABEL: func.func @boundary(%x: tensor<2x3x4xbf16>, %y: tensor<2x1x4xbf16>, %m: tensor<2x3xi1>) {
  %0 = fa.reshape %x : tensor<2x3x4xbf16> -> tensor<6x4xbf16>
  // CHECK-NEXT: %0 = fa.reshape %x : tensor<2x3x4xbf16> -> tensor<6x4xbf16>
  %1 = fa.transpose %x {permutation = array<i64: 1, 0, 2>} : tensor<2x3x4xbf16> -> tensor<3x2x4xbf16>
  // CHECK-NEXT: %1 = fa.transpose %x {permutation = array<i64: 1, 0, 2>} : tensor<2x3x4xbf16> -> tensor<3x2x4xbf16>
  %2 = fa.concat %x, %y {axis = 1 : i64} : tensor<2x3x4xbf16>, tensor<2x1x4xbf16> -> tensor<2x4x4xbf16>
  // CHECK-NEXT: %2 = fa.concat %x, %y {axis = 1 : i64} : tensor<2x3x4xbf16>, tensor<2x1x4xbf16> -> tensor<2x4x4xbf16>
  %3 = fa.broadcast %y : tensor<2x1x4xbf16> -> tensor<2x5x4xbf16>
  // CHECK-NEXT: %3 = fa.broadcast %y : tensor<2x1x4xbf16> -> tensor<2x5x4xbf16>
  %4 = fa.additive %m : tensor<2x3xi1> -> tensor<2x3xbf16>
  // CHECK-NEXT: %4 = fa.additive %m : tensor<2x3xi1> -> tensor<2x3xbf16>
  func.return
  // CHECK-NEXT: func.return
}

// Where tiles live, by itself.

func.func private @space() -> () attributes {where = #fa.space<scalar>}
// CHECK: func.func private @space() -> () attributes {where = #fa.space<scalar>}

func.func @lengths(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %b: tensor<1x1x1x20xf32>, %h: tensor<4xf32>, %n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
// CHECK-LABEL: func.func @lengths(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %b: tensor<1x1x1x20xf32>, %h: tensor<4xf32>, %n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  %0 = fa.attention %q, %k, %k lengths(%n) : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  // CHECK-NEXT: %0 = fa.attention %q, %k, %k lengths(%n) : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  %1 = fa.attention %q, %k, %k bias(%b) sinks(%h) lengths(%n) {mask = #fa.causal} : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<1x1x1x20xf32>, tensor<4xf32>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  // CHECK-NEXT: %1 = fa.attention %q, %k, %k bias(%b) sinks(%h) lengths(%n) {mask = #fa.causal} : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<1x1x1x20xf32>, tensor<4xf32>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  %l = fa.length %n[%i] {most = 20 : i64, granule = 1 : i64} : tensor<2xi32>
  // CHECK-NEXT: %l = fa.length %n[%i] {most = 20 : i64, granule = 1 : i64} : tensor<2xi32>
  %end = fa.length %n[%i] {most = 20 : i64, granule = 64 : i64} : tensor<2xi32>
  // CHECK-NEXT: %end = fa.length %n[%i] {most = 20 : i64, granule = 64 : i64} : tensor<2xi32>
  %t = fa.limit %s from %i to %l : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %t = fa.limit %s from %i to %l : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %r = fa.scratch : !fa.tile<2x64xbf16, vector>
  // CHECK-NEXT: %r = fa.scratch : !fa.tile<2x64xbf16, vector>
  %u = fa.limit %s from %i to %l scratch %r : !fa.tile<8x64xbf16, vector>, !fa.tile<2x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %u = fa.limit %s from %i to %l scratch %r : !fa.tile<8x64xbf16, vector>, !fa.tile<2x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// Host code, and the kernel that it launches.

func.func @launches(%q: tensor<1x1x16x64xbf16>, %k: tensor<1x1x16x64xbf16>, %v: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> {
// CHECK-LABEL: func.func @launches(%q: tensor<1x1x16x64xbf16>, %k: tensor<1x1x16x64xbf16>, %v: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> {
  %launched = fa.launch @kernel(%q, %k, %v) : (tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16>
  // CHECK-NEXT: %launched = fa.launch @kernel(%q, %k, %v) : (tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16>
  func.return %launched : tensor<1x1x16x64xbf16>
}

func.func private @kernel(%q: tensor<1x1x16x64xbf16>, %k: tensor<1x1x16x64xbf16>, %v: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> attributes {fa.kernel} {
// CHECK-LABEL: func.func private @kernel(%q: tensor<1x1x16x64xbf16>, %k: tensor<1x1x16x64xbf16>, %v: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> attributes {fa.kernel} {
  %o_kernel = fa.attention %q, %k, %v : tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16> -> tensor<1x1x16x64xbf16>
  // CHECK-NEXT: %o_kernel = fa.attention %q, %k, %v : tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16> -> tensor<1x1x16x64xbf16>
  func.return %o_kernel : tensor<1x1x16x64xbf16>
}
