// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What block formats and conversions refuse.

// expected-error @below {{unknown element format 'e9m9'; there are e4m3, e5m2, e3m2, e2m3, e2m1, int8, int4}}
func.func @element(%x: tensor<4x64xbf16, #mx.block<e9m9, scale = e8m0, size = 32>>) {
  func.return
}

// -----
// expected-error @below {{unknown scale format 'e9m9'; there are e8m0, e4m3}}
func.func @scale(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e9m9, size = 32>>) {
  func.return
}

// -----
// expected-error @below {{unknown variant 'mine'; there are ocp, plena}}
func.func @variant(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, variant = mine>>) {
  func.return
}

// -----
// expected-error @below {{a block has at least 1 element, got 0}}
func.func @size(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 0>>) {
  func.return
}

// -----
func.func @shape(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.quantize': the shape must stay: tensor<4x64xbf16> -> tensor<4x32xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>}}
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x32xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @twice(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>) {
  // expected-error @below {{'mx.quantize': the source is stored in a block format already; use mx.requantize}}
  %0 = mx.quantize %x : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>>
  func.return
}

// -----
func.func @plain(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.dequantize': the result is plain; mx.requantize gives another block format}}
  %0 = mx.dequantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>>
  func.return
}

// -----
func.func @values(%x: tensor<4x64xi8>) {
  // expected-error @below {{values are bf16, f16 or f32, got tensor<4x64xi8>}}
  %0 = mx.quantize %x : tensor<4x64xi8> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @requantize(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.requantize': the source is plain; use mx.quantize}}
  %0 = mx.requantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @requantize(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>) {
  // expected-error @below {{'mx.requantize': the result is plain; use mx.dequantize}}
  %0 = mx.requantize %x : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xbf16>
  func.return
}

// -----
func.func @center(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.center': axis 1 is none of 0 to 0; the last dimension holds the vectors}}
  %0 = mx.center %x along 1 : tensor<4x64xbf16> -> tensor<4x64xbf16>
  func.return
}

// -----
func.func @center(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>) {
  // expected-error @below {{mx.center works on plain tensors, got tensor<4x64xbf16, #mx.block<}}
  %0 = mx.center %x along 0 : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xbf16>
  func.return
}

// -----
func.func @rotate(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.rotate': a seed is at least 0, got -1}}
  %0 = mx.rotate %x by -1 : tensor<4x64xbf16> -> tensor<4x64xbf16>
  func.return
}

// -----
func.func @rotate(%x: tensor<4x64xbf16>) {
  // expected-error @below {{mx.rotate works on plain tensors, got tensor<4x64xbf16, #mx.block<}}
  %0 = mx.rotate %x by 0 : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  func.return
}

// -----
func.func @encoded(%x: tensor<?x64xbf16>) {
  // expected-error @below {{the extent of axis 0, along which blocks lie, must be static}}
  %0 = mx.quantize %x : tensor<?x64xbf16> -> tensor<?x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, axis = 0>>
  func.return
}

// -----

func.func @depth(%x: tensor<4x64xbf16>) {
  // expected-error @below {{'mx.limit': a depth is at least 1, got 0}}
  %0 = mx.limit %x to 0 : tensor<4x64xbf16> -> tensor<4x64xbf16>
  func.return
}

// -----

func.func @limit_blocks(%x: tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>) {
  // expected-error @below {{mx.limit works on plain tensors, got tensor<4x64xbf16, #mx.block<e4m3}}
  %0 = mx.limit %x to 4096 : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xbf16>
  func.return
}
