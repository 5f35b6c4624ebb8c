// RUN: FA_ROUNDTRIP
// RUN: fa-opt %s --canonicalize | filecheck %s --check-prefix=FOLDED

// All parts of a format, in any order; what is the default is not printed.

func.func @parts(%x: tensor<8x64xf32>) {
  %0 = mx.quantize %x : tensor<8x64xf32> -> tensor<8x64xf32, #mx.block<e4m3, size = 8, axis = 0, scale = e8m0, rule = even>>
  // CHECK: %0 = mx.quantize %x : tensor<8x64xf32> -> tensor<8x64xf32, #mx.block<e4m3, scale = e8m0, size = 8, axis = 0, rule = even>>
  %1 = mx.quantize %x : tensor<8x64xf32> -> tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16, scales = inline, rounding = nearest, variant = ocp, axis = -1>>
  // CHECK-NEXT: #mx.block<e2m1, scale = e4m3, size = 16, scales = inline>
  %2 = mx.quantize %x : tensor<8x64xf32> -> tensor<8x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8, rule = rceil, rounding = nearest, variant = plena>>
  // CHECK-NEXT: #mx.block<e4m3, scale = e8m0, size = 8, rule = rceil, rounding = nearest, variant = plena>
  %3 = mx.quantize %x : tensor<8x64xf32> -> tensor<8x64xbf16, #mx.block<e4m3, scale = e8m0, size = 24, rounding = store, variant = plena>>
  // CHECK-NEXT: #mx.block<e4m3, scale = e8m0, size = 24, variant = plena>
  %4 = mx.requantize %1 : tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16, scales = inline>> -> tensor<8x64xbf16, #mx.block<e3m2, scale = e8m0, size = 32>>
  // CHECK-NEXT: %4 = mx.requantize %1 : tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16, scales = inline>> -> tensor<8x64xbf16, #mx.block<e3m2, scale = e8m0, size = 32>>
  %5 = mx.center %x along 0 : tensor<8x64xf32> -> tensor<8x64xf32>
  // CHECK-NEXT: %5 = mx.center %x along 0 : tensor<8x64xf32> -> tensor<8x64xf32>
  %6 = mx.rotate %5 by 3 : tensor<8x64xf32> -> tensor<8x64xbf16>
  // CHECK-NEXT: %6 = mx.rotate %5 by 3 : tensor<8x64xf32> -> tensor<8x64xbf16>
  func.return
}

// Exact values go back into the format that they came from: nothing happens. Not so through bf16,
// which may not hold them; nor for scales that are derived anew, nor for the machine's own rounding.
//
// FOLDED-LABEL: @exact
// FOLDED-NEXT:    func.return %q
func.func @exact(%q: tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>>) -> tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>> {
  %0 = mx.dequantize %q : tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>> -> tensor<8x64xf32>
  %1 = mx.quantize %0 : tensor<8x64xf32> -> tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>>
  %2 = mx.requantize %1 : tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>> -> tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>>
  func.return %2 : tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32, rule = even>>
}
// FOLDED-LABEL: @inexact
// FOLDED-NEXT:    mx.dequantize
// FOLDED-NEXT:    mx.quantize
// FOLDED-NEXT:    mx.dequantize
// FOLDED-NEXT:    mx.quantize
func.func @inexact(%q: tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32>>, %n: tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16>>)
    -> (tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32>>, tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16>>) {
  %0 = mx.dequantize %q : tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32>> -> tensor<8x64xbf16>
  %1 = mx.quantize %0 : tensor<8x64xbf16> -> tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32>>
  %2 = mx.dequantize %n : tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16>> -> tensor<8x64xf32>
  %3 = mx.quantize %2 : tensor<8x64xf32> -> tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16>>
  func.return %1, %3 : tensor<8x64xf32, #mx.block<e2m1, scale = e8m0, size = 32>>, tensor<8x64xf32, #mx.block<e2m1, scale = e4m3, size = 16>>
}

// Constants are quantized by the compiler: blocks of four, the largest 4 and 0.4.
//
// FOLDED-LABEL: @constant
// FOLDED-NEXT:    %d = arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00], [9.375000e-02, 1.875000e-01, 2.500000e-01, 3.750000e-01]]> : tensor<2x4xf32>
// FOLDED-NEXT:    func.return %d
func.func @constant() -> tensor<2x4xf32> {
  %x = arith.constant dense<[[1.0, 2.1, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4]]> : tensor<2x4xf32>
  %q = mx.quantize %x : tensor<2x4xf32> -> tensor<2x4xf32, #mx.block<e2m1, scale = e8m0, size = 4>>
  %d = mx.dequantize %q : tensor<2x4xf32, #mx.block<e2m1, scale = e8m0, size = 4>> -> tensor<2x4xf32>
  func.return %d : tensor<2x4xf32>
}
