// RUN: fa-opt %s | fa-opt - | filecheck %s

// Masks as functions: on attention, beside an attribute, and on a tile; a mask that is a tile.

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<2x4x10x32xbf16>, %k: tensor<2x2x20x32xbf16>) {
  // CHECK:      %0 = fa.attention %q, %k, %k {mask = #fa.causal} mask_mod {
  // CHECK-NEXT: ^bb0(%n: index, %h: index, %i: index, %j: index):
  // CHECK-NEXT:   %even = arith.cmpi ne, %i, %h : index
  // CHECK-NEXT:   fa.yield %even : i1
  // CHECK-NEXT: } score_mod {
  // CHECK-NEXT: ^bb0(%x: f32, %n_1: index, %h_1: index, %i_1: index, %j_1: index):
  // CHECK-NEXT:   fa.yield %x : f32
  // CHECK-NEXT: } : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  %0 = fa.attention %q, %k, %k {mask = #fa.causal} mask_mod {
  ^bb0(%n: index, %h: index, %i: index, %j: index):
    %even = arith.cmpi ne, %i, %h : index
    fa.yield %even : i1
  } score_mod {
  ^bb0(%x: f32, %n_1: index, %h_1: index, %i_1: index, %j_1: index):
    fa.yield %x : f32
  } : tensor<2x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<2x4x10x32xbf16>
  func.return
}

// CHECK-LABEL: @tiles
func.func @tiles(%s: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<8x64xbf16, vector>, %i: index) {
  // CHECK:      %masked = fa.mask %s at[%i, %i, %i, %i] mask_mod {
  // CHECK-NEXT: ^bb0(%b: index, %h: index, %q: index, %k: index):
  // CHECK-NEXT:   %seen = arith.cmpi slt, %q, %k : index
  // CHECK-NEXT:   fa.yield %seen : i1
  // CHECK-NEXT: } {kv_len = 20 : i64, mask = #fa.causal<offset = 3>} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  // CHECK-NEXT: %masked_1 = fa.mask %s at[%i, %i, %i, %i] hidden(%t : !fa.tile<8x64xbf16, vector>) {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %masked = fa.mask %s at[%i, %i, %i, %i] mask_mod {
  ^bb0(%b: index, %h: index, %q: index, %k: index):
    %seen = arith.cmpi slt, %q, %k : index
    fa.yield %seen : i1
  } {kv_len = 20 : i64, mask = #fa.causal<offset = 3>} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %masked_1 = fa.mask %s at[%i, %i, %i, %i] hidden(%t : !fa.tile<8x64xbf16, vector>) {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}
