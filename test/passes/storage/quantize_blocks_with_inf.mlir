// A block of MX elements has one scale: beside -inf all else in it is lost. Such a result is plain
// bf16 where the machine stores that, and refused where it does not; others lie in blocks.

// RUN: fa-opt %s --machine plena-64 --tile --fuse --quantize --split-input-file | filecheck %s --check-prefix=WIDE
// RUN: fa-opt %s --machine plena-64-stock --tile --fuse --quantize --split-input-file --verify-diagnostics
// RUN: fa-opt %S/../Inputs/logsumexp.mlir --machine plena-64-stock --tile --fuse --quantize | filecheck %s --check-prefix=BLOCKS

// Three queries see no key.
//
// WIDE: @empty_rows
// WIDE: %lse = memref.alloc() : memref<1x1x64xbf16, #fa.hbm>
func.func @empty_rows(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> (tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>) {
  // expected-error @below {{this result may hold -inf or values of padding, and stored as mx e4m3 block 8 scale e8m0 what shares a block with them would be lost; use a machine with Plain bf16 activations}}
  %o, %l = fa.attention %q, %k, %v {lse, mask = #fa.causal<offset = -3>} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
  func.return %o, %l : tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
}

// -----

// 20 rows do not fill blocks of 8: what lies behind them is stored with them.
//
// WIDE: @padding
// WIDE: %lse = memref.alloc() : memref<1x1x20xbf16, #fa.hbm>
func.func @padding(%q: tensor<1x1x20x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> (tensor<1x1x20x64xbf16>, tensor<1x1x20xf32>) {
  // expected-error @below {{this result may hold -inf or values of padding}}
  %o, %l = fa.attention %q, %k, %v {lse} : tensor<1x1x20x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x20x64xbf16>, tensor<1x1x20xf32>
  func.return %o, %l : tensor<1x1x20x64xbf16>, tensor<1x1x20xf32>
}

// -----

// Scores as a result, -inf where they are masked.
//
// WIDE: @scores
// WIDE: %taken = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm>
func.func @scores(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> (tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>) {
  // expected-error @below {{this result may hold -inf or values of padding}}
  %o, %s = fa.attention %q, %k, %v {mask = #fa.causal, qk = "masked"} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>
  func.return %o, %s : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>
}

// Every row sees a key, and rows fill blocks.
//
// BLOCKS: %lse = memref.alloc() : memref<1x1x64xbf16, #fa.hbm<#mx.block<e4m3,
