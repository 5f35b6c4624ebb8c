// RUN: fa-opt --split-input-file --parsing-diagnostics --verify-diagnostics < %s | filecheck %s

// CHECK: unknown scale rule 'up'; there are floor, ceil, rceil, even
func.func @rule(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rule = up>>) { func.return }

// -----
// CHECK: unknown part 'block' of #mx.block; there are scale, size, axis, rule, rounding, variant, scales
func.func @part(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, block = 32>>) { func.return }

// -----
// CHECK: 'size' is given twice
func.func @twice(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, size = 8>>) { func.return }

// -----
// CHECK: #mx.block needs 'size = ...'
func.func @missing(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0>>) { func.return }

// -----
// CHECK: rounding 'store' is the machine's own; variant ocp rounds to 'nearest'
func.func @store(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rounding = store>>) { func.return }

// -----
// CHECK: the machine's scales are e8m0, not e4m3
func.func @scale(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e4m3, size = 32, variant = plena>>) { func.return }

// -----
// CHECK: rule 'ceil' needs rounding = nearest
func.func @own_rule(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rule = ceil, variant = plena>>) { func.return }

// -----
// CHECK: the machine reads int8 without sign: rounding = store only
func.func @integer(%x: tensor<4x64xbf16, #mx.block<int8, scale = e8m0, size = 32, rounding = nearest, variant = plena>>) { func.return }

// -----
// CHECK: 3 elements of 4 bits are not whole bytes, which inline scales need
func.func @inline(%x: tensor<4x63xbf16, #mx.block<e2m1, scale = e8m0, size = 3, scales = inline>>) { func.return }

// -----
// CHECK: blocks of 32 do not divide the 72 elements along axis -1; pad the tensor to 96, or use a block size that divides
func.func @divide(%x: tensor<4x72xbf16>) {
  %0 = mx.quantize %x : tensor<4x72xbf16> -> tensor<4x72xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
// CHECK: blocks lie along axis 2, but the tensor has rank 2
func.func @axis(%x: tensor<4x64xbf16>) {
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, axis = 2>>
  func.return
}

// -----
// CHECK: inline scales need blocks along the last axis
func.func @inline_axis(%x: tensor<4x64xbf16>) {
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 4, axis = 0, scales = inline>>
  func.return
}

// -----
// CHECK: 'mx.requantize': the source is plain; use mx.quantize
func.func @plain(%x: tensor<4x64xbf16>) {
  %0 = mx.requantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
// CHECK: values are bf16, f16 or f32
func.func @values(%x: tensor<4x64xi8>) {
  %0 = mx.quantize %x : tensor<4x64xi8> -> tensor<4x64xi8, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
// CHECK: axis 1 is none of 0 to 0; the last dimension holds the vectors
func.func @center(%x: tensor<4x64xf32>) {
  %0 = mx.center %x along 1 : tensor<4x64xf32> -> tensor<4x64xf32>
  func.return
}

// -----
// CHECK: mx.rotate works on plain tensors
func.func @rotate(%x: tensor<4x64xf32, #mx.block<e4m3, scale = e8m0, size = 32>>) {
  %0 = mx.rotate %x by 0 : tensor<4x64xf32, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  func.return
}
