// RUN: FA_ROUNDTRIP
// RUN: fa-opt %s --cse --dce | filecheck %s --check-prefix=CLEAN

// Every format; the variant is that of the standard unless another is named.

func.func @formats(%x: tensor<4x64xbf16>) {
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  // CHECK: %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  %1 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e5m2, scale = e8m0, size = 8, variant = plena>>
  // CHECK-NEXT: %1 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e5m2, scale = e8m0, size = 8, variant = plena>>
  %2 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e3m2, scale = e8m0, size = 32, variant = ocp>>
  // CHECK-NEXT: %2 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e3m2, scale = e8m0, size = 32>>
  %3 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e2m3, scale = e8m0, size = 16>>
  // CHECK-NEXT: #mx.block<e2m3, scale = e8m0, size = 16>
  %4 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e2m1, scale = e4m3, size = 16>>
  // CHECK-NEXT: #mx.block<e2m1, scale = e4m3, size = 16>
  %5 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<int8, scale = e8m0, size = 32>>
  // CHECK-NEXT: #mx.block<int8, scale = e8m0, size = 32>
  %6 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<int4, scale = e8m0, size = 32>>
  // CHECK-NEXT: #mx.block<int4, scale = e8m0, size = 32>
  %7 = mx.dequantize %6 : tensor<4x64xbf16, #mx.block<int4, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  // CHECK-NEXT: %7 = mx.dequantize %6 : tensor<4x64xbf16, #mx.block<int4, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  %8 = mx.limit %x to 4096 : tensor<4x64xbf16> -> tensor<4x64xbf16>
  // CHECK-NEXT: %8 = mx.limit %x to 4096 : tensor<4x64xbf16> -> tensor<4x64xbf16>
  func.return
}

// Both are pure: equal ones are one, unused ones go.

func.func @pure(%x: tensor<4x64xbf16>) -> (tensor<4x64xf32>, tensor<4x64xf32>) {
  %0 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  %1 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>>
  %2 = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8>>
  %3 = mx.dequantize %0 : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  %4 = mx.dequantize %1 : tensor<4x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32>> -> tensor<4x64xf32>
  func.return %3, %4 : tensor<4x64xf32>, tensor<4x64xf32>
}
// CLEAN-LABEL: @formats
// CLEAN-NOT:   mx.
// CLEAN-LABEL: @pure
// CLEAN-NEXT:  [[Q:%.*]] = mx.quantize %x
// CLEAN-NEXT:  [[D:%.*]] = mx.dequantize [[Q]]
// CLEAN-NEXT:  func.return [[D]], [[D]]
