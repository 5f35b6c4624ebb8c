// RUN: fa-opt %s --tile --split-input-file --verify-diagnostics

// A bound that no kernel for these keys can use: what a mask hides gives exp(-88) for each key.

func.func @masked(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x4096x64xbf16>, %v: tensor<1x1x4096x64xbf16>) -> tensor<1x1x64x64xbf16> {
  // expected-error @below {{score_bound = 75 is of no use here: with rows of 4480 keys, masked, a kernel does without a maximum up to 72.6; promise that, or leave it out}}
  %o = fa.attention %q, %k, %v {score_bound = 75.0 : f32, mask = #fa.causal}
      : tensor<1x1x64x64xbf16>, tensor<1x1x4096x64xbf16>, tensor<1x1x4096x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}

// -----

// And what many keys make of the sum.

func.func @long(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x16384x64xbf16>, %v: tensor<1x1x16384x64xbf16>) -> tensor<1x1x64x64xbf16> {
  // expected-error @below {{score_bound = 80 is of no use here: with rows of 16576 keys, 192 of them padding, a kernel does without a maximum up to 75.8; promise that, or leave it out}}
  %o = fa.attention %q, %k, %v {score_bound = 80.0 : f32}
      : tensor<1x1x64x64xbf16>, tensor<1x1x16384x64xbf16>, tensor<1x1x16384x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}

// -----

func.func @constant(%q: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %k = arith.constant dense<1.0> : tensor<1x1x64x64xbf16>
  // expected-error @below {{score_bound is about queries and keys that nobody could check: the host does not make them of arguments; leave it out}}
  %o = fa.attention %q, %k, %v {score_bound = 60.0 : f32}
      : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}
