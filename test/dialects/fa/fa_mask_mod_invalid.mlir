// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What verifiers say of masks that are functions.


func.func @op(%q: tensor<1x1x8x64xbf16>) {
  // expected-error @below {{'fa.attention': mask_mod takes the indices of batch, head, query and key (index each), got (index, index, index)}}
  %0 = fa.attention %q, %q, %q mask_mod {
  ^bb0(%h: index, %i: index, %j: index):
    %t = arith.constant true
    fa.yield %t : i1
  } : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  func.return
}

// -----
func.func @op(%q: tensor<1x1x8x64xbf16>) {
  // expected-error @below {{'fa.attention': mask_mod takes the indices of batch, head, query and key (index each), got (f32, index, index, index)}}
  %0 = fa.attention %q, %q, %q mask_mod {
  ^bb0(%b: f32, %h: index, %i: index, %j: index):
    %t = arith.constant true
    fa.yield %t : i1
  } : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  func.return
}

// -----
func.func @op(%q: tensor<1x1x8x64xbf16>) {
  // expected-error @below {{'fa.attention': mask_mod must end with fa.yield of one i1}}
  %0 = fa.attention %q, %q, %q mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    fa.yield %j : index
  } : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  func.return
}

// -----
func.func @op(%q: tensor<1x1x8x64xbf16>, %n: index) {
  // expected-error @below {{'fa.attention': arith.cmpi in its function uses a value from outside; a function has its arguments and constants of its own}}
  %0 = fa.attention %q, %q, %q mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %t = arith.cmpi slt, %j, %n : index
    fa.yield %t : i1
  } : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16> -> tensor<1x1x8x64xbf16>
  func.return
}

// -----
func.func @op(%s: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<4x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.mask': what is hidden must be 8x64, got 4x64}}
  %0 = fa.mask %s at[%i, %i, %i, %i] hidden(%t : !fa.tile<4x64xbf16, vector>) {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%s: !fa.tile<8x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.mask': mask_mod must end with fa.yield of one i1}}
  %0 = fa.mask %s at[%i, %i, %i, %i] mask_mod {
  ^bb0(%b: index, %h: index, %q: index, %k: index):
    fa.yield %k : index
  } {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: tensor<1x1x8x64xbf16>, %b: tensor<1x1x8x8xi32>) {
  // expected-error @below {{'fa.attention': bias must hold bf16, f16 or f32, got i32}}
  %0 = fa.attention %q, %q, %q bias(%b) : tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x64xbf16>, tensor<1x1x8x8xi32> -> tensor<1x1x8x64xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xi8>, %i: index) {
  // expected-error @below {{'fa.load': tiles are loaded from bf16, f16 or f32, got i8}}
  %0 = fa.load %x[%i, %i] : tensor<8x64xi8> -> !fa.tile<8x64xbf16, vector>
  func.return
}
