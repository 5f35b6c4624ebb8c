// RUN: fa-opt --split-input-file --verify-diagnostics %s

// Lengths that are not those of the keys, factors that are no numbers, results of another type.

// expected-error @+3 {{'fa.attention': the documents hold 7 keys, and there are 20; their lengths must add up to that}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {mask = #fa.documents<[3, 4]>} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': the documents hold 21 keys, and there are 20; their lengths must add up to that}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {mask = #fa.all_of<[#fa.causal, #fa.documents<[20, 1]>]>} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': the documents hold 9 keys, and there are 12 to 20; their lengths must add up to that}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {mask = #fa.ragged<[7, 12], #fa.documents<[3, 6]>>} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': the documents hold 9 keys, and there are 12 to 20; their lengths must add up to that}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {mask = #fa.ragged<[7, 12], #fa.causal, #fa.documents<[3, 6]>>} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{documents need their lengths, as in #fa.documents<[100, 28]>}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {mask = #fa.documents<[]>} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': a ragged mask has a length of 21, and there are 20 keys}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {mask = #fa.ragged<[21, 3]>} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': scale must be a finite f32, got inf}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {scale = 0x7F800000 : f32} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': scale must be a finite f32, got nan}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {scale = 0x7FC00000 : f32} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': scale must be a finite f32, got 1e+39}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {scale = 1.0e39 : f64} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': softcap must be positive and finite, got inf}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {softcap = 0x7F800000 : f32} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xbf16>
  func.return
}

// -----
// expected-error @+3 {{'fa.attention': the result must hold what the query holds, bf16; got f32}}

func.func @op(%q: tensor<2x4x10x64xbf16>, %k: tensor<2x4x20x64xbf16>) {
  %0 = fa.attention %q, %k, %k {} : tensor<2x4x10x64xbf16>, tensor<2x4x20x64xbf16>, tensor<2x4x20x64xbf16> -> tensor<2x4x10x64xf32>
  func.return
}
