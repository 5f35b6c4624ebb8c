// RUN: fa-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{unknown scale rule 'up'; there are floor, ceil, rceil, even}}
func.func @rule(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rule = up>>) { func.return }

// -----
// expected-error @below {{unknown part 'block' of #mx.block; there are scale, size, axis, rule, rounding, variant, scales}}
func.func @part(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, block = 32>>) { func.return }

// -----
// expected-error @below {{'size' is given twice}}
func.func @twice(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, size = 8>>) { func.return }

// -----
// expected-error @below {{#mx.block needs 'size = ...'}}
func.func @missing(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0>>) { func.return }

// -----
// expected-error @below {{rounding 'store' is the machine's own; variant ocp rounds to 'nearest'}}
func.func @store(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rounding = store>>) { func.return }

// -----
// expected-error @below {{the machine's scales are e8m0, not e4m3}}
func.func @scale(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e4m3, size = 32, variant = plena>>) { func.return }

// -----
// expected-error @below {{rule 'ceil' needs rounding = nearest; the machine's stores have the rule 'floor'}}
func.func @own_rule(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rule = ceil, variant = plena>>) { func.return }

// -----
// expected-error @below {{the machine reads int8 without sign: rounding = store only}}
func.func @integer(%x: tensor<4x64xbf16, #mx.block<int8, scale = e8m0, size = 32, rounding = nearest, variant = plena>>) { func.return }

// -----
// expected-error @below {{3 elements of 4 bits are not whole bytes, which inline scales need}}
func.func @inline(%x: tensor<4x63xbf16, #mx.block<e2m1, scale = e8m0, size = 3, scales = inline>>) { func.return }

// -----
func.func @divide(%x: tensor<4x72xbf16>) {
  // expected-error @below {{blocks of 32 do not divide the 72 elements along axis -1; pad the tensor to 96, or use a block size that divides}}
  %0 = mx.quantize %x : tensor<4x72xbf16> -> tensor<4x72xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @axis(%x: tensor<4x64xbf16>) {
  // expected-error @below {{blocks lie along axis 2, but the tensor has rank 2}}
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, axis = 2>>
  func.return
}

// -----
func.func @inline_axis(%x: tensor<4x64xbf16>) {
  // expected-error @below {{inline scales need blocks along the last axis}}
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 4, axis = 0, scales = inline>>
  func.return
}

// -----
func.func @plain(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.requantize': the source is plain; use mx.quantize}}
  %0 = mx.requantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @values(%x: tensor<4x64xi8>) {
  // expected-error @below {{values are bf16, f16 or f32}}
  %0 = mx.quantize %x : tensor<4x64xi8> -> tensor<4x64xi8, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @center(%x: tensor<4x64xf32>) {
  // expected-error @below {{axis 1 is none of 0 to 0; the last dimension holds the vectors}}
  %0 = mx.center %x along 1 : tensor<4x64xf32> -> tensor<4x64xf32>
  func.return
}

// -----
func.func @rotate(%x: tensor<4x64xf32, #mx.block<e4m3, scale = e8m0, size = 32>>) {
  // expected-error @below {{mx.rotate works on plain tensors}}
  %0 = mx.rotate %x by 0 : tensor<4x64xf32, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  func.return
}

// -----
// expected-error @below {{3 elements of 6 bits are not whole bytes, which inline scales need; use another size, or scales = behind}}
func.func @bits(%x: tensor<4x64xbf16, #mx.block<e3m2, scale = e8m0, size = 3, scales = inline>>) { func.return }
