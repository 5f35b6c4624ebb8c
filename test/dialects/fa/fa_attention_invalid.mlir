// RUN: fa-opt %s --split-input-file --verify-diagnostics

// The message that a user gets for attention that makes no sense.

func.func @rank(%q: tensor<4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': query must have rank 4 [batch, heads, length, dim], got rank 3}}
  %o = fa.attention %q, %k, %v
      : tensor<4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<4x10x32x32xbf16>
  func.return
}

// -----
func.func @batch(%q: tensor<1x4x10x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': batch sizes differ: query 1, key 2, value 2}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @heads(%q: tensor<1x3x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': the number of query heads (3) must be a multiple of the number of KV heads (2)}}
  %o = fa.attention %q, %k, %v
      : tensor<1x3x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x3x10x32xbf16>
  func.return
}

// -----
func.func @kv_heads(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x4x20x32xbf16>) {
  // expected-error @below {{'fa.attention': key has 2 heads and value 4; they must agree}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x4x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @kv_len(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x21x32xbf16>) {
  // expected-error @below {{'fa.attention': key has 20 rows and value 21; they must agree}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x21x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @head_dim(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x64xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': query has 32 columns and key 64; the head dimensions must agree}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x64xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @result(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': the result must be 1x4x10x32, got 1x4x10x64}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x64xbf16>
  func.return
}

// -----
func.func @element(%q: tensor<1x4x10x32xi8>, %k: tensor<1x2x20x32xi8>, %v: tensor<1x2x20x32xi8>) {
  // expected-error @below {{'fa.attention': query must hold bf16, f16 or f32, got i8}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xi8>, tensor<1x2x20x32xi8>, tensor<1x2x20x32xi8> -> tensor<1x4x10x32xi8>
  func.return
}

// -----
func.func @dynamic(%q: tensor<1x4x?x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': the extents of query must be static and at least 1, got tensor<1x4x?x32xbf16>}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x?x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x?x32xbf16>
  func.return
}

// -----
func.func @zero(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x0x32xbf16>, %v: tensor<1x2x0x32xbf16>) {
  // expected-error @below {{'fa.attention': the extents of key must be static and at least 1, got tensor<1x2x0x32xbf16>}}
  %o = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<1x2x0x32xbf16>, tensor<1x2x0x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @mask(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': unknown mask "window"; there are #fa.causal, #fa.window, #fa.chunked, #fa.prefix, #fa.documents, #fa.all_of, #fa.ragged, #fa.grouped}}
  %o = fa.attention %q, %k, %v {mask = "window"}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @mask_attribute(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{unknown attribute or type 'fa.banded'; there are fa.all_of, fa.causal, fa.chunked, fa.documents, fa.family, fa.grouped, fa.hbm, fa.packing, fa.prefix, fa.ragged, fa.space, fa.tile, fa.window}}
  %o = fa.attention %q, %k, %v {mask = #fa.banded}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @offset(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{Expected integer literal}}
  %o = fa.attention %q, %k, %v {mask = #fa.causal<offset = 1.5>}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @attribute(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{unknown attribute 'dropout' of fa.attention; there are lse, mask, scale, softcap, qk, score_bound}}
  %o = fa.attention %q, %k, %v {dropout = 50.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @scale(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{scale must be a float, such as 0.125 : f32}}
  %o = fa.attention %q, %k, %v {scale = "x"}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @lse(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{fa.attention needs a type for each of its 3 operands and for each of its results: the output, with `lse` the logsumexp, with `qk` the scores (2 here)}}
  %o = fa.attention %q, %k, %v {lse}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @lse_type(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': the logsumexp result must hold f32}}
  %o, %lse = fa.attention %q, %k, %v {lse}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x10xbf16>
  func.return
}

// -----
func.func @results(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{fa.attention needs a type for each of its 3 operands and for each of its results: the output, with `lse` the logsumexp, with `qk` the scores (1 here)}}
  %o, %lse = fa.attention %q, %k, %v
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x10xf32>
  func.return
}

// -----
func.func @softcap(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': softcap must be positive and finite, got -1.0}}
  %o = fa.attention %q, %k, %v {softcap = -1.0 : f32} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @stage(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': qk is one of raw, capped, masked, softmax, got 'all'}}
  %o, %s = fa.attention %q, %k, %v {qk = "all"} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x10x20xbf16>
  func.return
}

// -----
func.func @score_mod(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_mod takes a value (f32) and the indices of batch, head, query and key, got (f32)}}
  %o = fa.attention %q, %k, %v score_mod {
  ^bb0(%s: f32):
    fa.yield %s : f32
  } : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @score_mod(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_mod must end with fa.yield of one f32}}
  %o = fa.attention %q, %k, %v score_mod {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    fa.yield %s, %s : f32, f32
  } : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @sinks(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>, %s: tensor<2xf32>) {
  // expected-error @below {{'fa.attention': sinks must hold one score for each of 4 query heads, got 2}}
  %o = fa.attention %q, %k, %v sinks(%s) : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16>, tensor<2xf32> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bias(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>, %b: tensor<1x3x10x20xbf16>) {
  // expected-error @below {{'fa.attention': the bias must broadcast to 1x4x10x20, got 1x3x10x20}}
  %o = fa.attention %q, %k, %v bias(%b) : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x3x10x20xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @lse(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': `lse` and a second result go together}}
  %o = "fa.attention"(%q, %k, %v) <{lse, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>, regionSegmentSizes = array<i32: 0, 0, 0>}> : (tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16>) -> (tensor<1x4x10x32xbf16>)
  func.return
}

// -----
func.func @qk(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': `qk` and a result for the scores go together}}
  %o, %s = "fa.attention"(%q, %k, %v) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 0, 0, 0>}> : (tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16>) -> (tensor<1x4x10x32xbf16>, tensor<1x4x10x20xbf16>)
  func.return
}

// -----
func.func @qk_shape(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': the scores must be 1x4x10x20}}
  %o, %s = fa.attention %q, %k, %v {qk = "masked"} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x10x10xbf16>
  func.return
}

// -----
func.func @lse_shape(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': the logsumexp result must be 1x4x10}}
  %o, %s = fa.attention %q, %k, %v {lse} : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x20xf32>
  func.return
}

// -----
func.func @two_operands(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{fa.attention takes query, key and value}}
  %o = fa.attention %q, %k : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
// expected-error @below {{a chunked mask needs its size, as in #fa.chunked<size = 64>}}
func.func @chunked() attributes {mask = #fa.chunked} { func.return }

// -----
// expected-error @below {{the length of a prefix is at least 0, got -1}}
func.func @prefix() attributes {mask = #fa.prefix<length = -1>} { func.return }

// -----
// expected-error @below {{a prefix needs its length, as in #fa.prefix<length = 16>}}
func.func @prefix() attributes {mask = #fa.prefix<offset = 0>} { func.return }

// -----
// expected-error @below {{a ragged mask holds no mask, one, or one for each batch}}
func.func @ragged() attributes {mask = #fa.ragged<[1, 2, 3], #fa.causal, #fa.causal>} { func.return }

// -----
// expected-error @below {{a grouped mask gives heads, block and queries, all at least 1}}
func.func @grouped() attributes {mask = #fa.grouped<[2, 0, 8], #fa.causal<offset = 0>>} { func.return }

// -----
func.func @bound_kind(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{score_bound must be a float, such as 60.0 : f32}}
  %o = fa.attention %q, %k, %v {score_bound = 60 : i32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_sign(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound must be positive and finite, got 0.0}}
  %o = fa.attention %q, %k, %v {score_bound = 0.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_inf(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound must be positive and finite, got inf}}
  %o = fa.attention %q, %k, %v {score_bound = 0x7f800000 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_large(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound = 81 is of no use: exp is clamped at 88, and a kernel does without a maximum up to 80; promise that, or leave it out}}
  %o = fa.attention %q, %k, %v {score_bound = 81.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_f16(%q: tensor<1x4x10x32xf16>, %k: tensor<1x2x20x32xf16>, %v: tensor<1x2x20x32xf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside f16, which overflows at exp(11): every kernel finds the maximum then; leave score_bound out}}
  %o = fa.attention %q, %k, %v {score_bound = 60.0 : f32}
      : tensor<1x4x10x32xf16>, tensor<1x2x20x32xf16>, tensor<1x2x20x32xf16> -> tensor<1x4x10x32xf16>
  func.return
}

// -----
func.func @bound_lse(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside lse, which needs sums between 1 and the number of keys: every kernel finds the maximum then; leave score_bound out}}
  %o, %l = fa.attention %q, %k, %v {lse, score_bound = 60.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x10xf32>
  func.return
}

// -----
func.func @bound_bias(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>, %b: tensor<1x1x1x20xbf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside bias, which adds what may be any number: every kernel finds the maximum then; leave score_bound out}}
  %o = fa.attention %q, %k, %v bias(%b) {score_bound = 60.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x1x1x20xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_sinks(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>, %b: tensor<4xbf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside sinks, which are scores that no bound holds for: every kernel finds the maximum then; leave score_bound out}}
  %o = fa.attention %q, %k, %v sinks(%b) {score_bound = 60.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16>, tensor<4xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_qk(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside probabilities as a result, which are finished: every kernel finds the maximum then; leave score_bound out}}
  %o, %s = fa.attention %q, %k, %v {qk = "softmax", score_bound = 60.0 : f32}
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>, tensor<1x4x10x20xbf16>
  func.return
}

// -----
func.func @bound_score_mod(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside score_mod, which makes of scores what may be any number: every kernel finds the maximum then; leave score_bound out}}
  %o = fa.attention %q, %k, %v {score_bound = 60.0 : f32} score_mod {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    fa.yield %x : f32
  }
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @bound_prob_mod(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, %v: tensor<1x2x20x32xbf16>) {
  // expected-error @below {{'fa.attention': score_bound is of no use beside prob_mod, which is a function of finished probabilities: every kernel finds the maximum then; leave score_bound out}}
  %o = fa.attention %q, %k, %v {score_bound = 60.0 : f32} prob_mod {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    fa.yield %x : f32
  }
      : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>
  func.return
}

// -----
func.func @lengths_of_other_batches(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<3xi32>) {
  // expected-error @below {{'fa.attention': lengths are one i32 for each of 2 batches, tensor<2xi32>, got tensor<3xi32>}}
  %o = fa.attention %q, %k, %v lengths(%n) : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<3xi32> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @lengths_of_index(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi64>) {
  // expected-error @below {{'fa.attention': lengths are one i32 for each of 2 batches, tensor<2xi32>, got tensor<2xi64>}}
  %o = fa.attention %q, %k, %v lengths(%n) : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi64> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @lengths_of_rank_2(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2x1xi32>) {
  // expected-error @below {{'fa.attention': lengths are one i32 for each of 2 batches, tensor<2xi32>, got tensor<2x1xi32>}}
  %o = fa.attention %q, %k, %v lengths(%n) : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x1xi32> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @fixed_mask(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi32>) {
  // expected-error @below {{'fa.attention': #fa.causal<offset = 3> does not move with lengths: beside them masks are #fa.causal, #fa.window and #fa.all_of of such, without offsets}}
  %o = fa.attention %q, %k, %v lengths(%n) {mask = #fa.causal<offset = 3>} : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @ragged_mask(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi32>) {
  // expected-error @below {{'fa.attention': #fa.ragged<[3, 4]> does not move with lengths: beside them masks are #fa.causal, #fa.window and #fa.all_of of such, without offsets}}
  %o = fa.attention %q, %k, %v lengths(%n) {mask = #fa.ragged<[3, 4]>} : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @part_of_a_mask(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi32>) {
  // expected-error @below {{'fa.attention': #fa.all_of<[#fa.causal, #fa.window<left = 3, offset = 2>]> does not move with lengths: beside them masks are #fa.causal, #fa.window and #fa.all_of of such, without offsets}}
  %o = fa.attention %q, %k, %v lengths(%n) {mask = #fa.all_of<[#fa.causal, #fa.window<left = 3, offset = 2>]>} : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @scores(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi32>) {
  // expected-error @below {{'fa.attention': qk is about all keys; it cannot stand beside lengths}}
  %o, %s = fa.attention %q, %k, %v lengths(%n) {qk = "raw"} : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>, tensor<2x4x1x20xbf16>
  func.return
}

// -----
func.func @mask_function(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi32>) {
  // expected-error @below {{'fa.attention': mask_mod is about all keys; it cannot stand beside lengths}}
  %o = fa.attention %q, %k, %v lengths(%n) mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %t = arith.constant true
    fa.yield %t : i1
  } : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32> -> tensor<2x4x1x32xbf16>
  func.return
}

// -----
func.func @clauses(%q: tensor<2x4x1x32xbf16>, %k: tensor<2x2x20x32xbf16>, %v: tensor<2x2x20x32xbf16>, %n: tensor<2xi32>, %s: tensor<4xbf16>) {
  // expected-error @below {{Expected ':'}}
  %o = fa.attention %q, %k, %v lengths(%n) sinks(%s) : tensor<2x4x1x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2x2x20x32xbf16>, tensor<2xi32>, tensor<4xbf16> -> tensor<2x4x1x32xbf16>
  func.return
}
