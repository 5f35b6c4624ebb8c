// RUN: fa-compile %s -o %t --print-layout | filecheck %s
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize | filecheck %s --check-prefix QUANTIZED
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --lower-to-isa | filecheck %s --check-prefix LOWERED

// A constant bias, and constant keys: each a region of its own, with the format of what it is for.

func.func @constants(%Q: tensor<1x2x64x64xbf16>, %V: tensor<1x1x64x64xbf16>) -> tensor<1x2x64x64xbf16> {
  %slopes = arith.constant dense<[[[[0.5]], [[-2.0]]]]> : tensor<1x2x1x1xf32>
  %keys = arith.constant dense<1.5> : tensor<1x1x64x64xbf16>
  %O = fa.attention %Q, %keys, %V bias(%slopes)
      : tensor<1x2x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x2x1x1xf32>
      -> tensor<1x2x64x64xbf16>
  func.return %O : tensor<1x2x64x64xbf16>
}

// CHECK:      kind {{ *}}name
// CHECK-NEXT: weight {{ *}}ones {{ *}}64x64 {{ *}}e4m3/e8m0 x 8
// CHECK-NEXT: weight {{ *}}unit {{ *}}64x64 {{ *}}e4m3/e8m0 x 8
// CHECK-NEXT: bias {{ *}}bias {{ *}}1x2x64x64 {{ *}}bf16
// CHECK-NEXT: query
// CHECK-NEXT: key {{ *}}keys {{ *}}1x1x64x64 {{ *}}e4m3/e8m0 x 8
// CHECK-NEXT: value

// QUANTIZED: mx.quantize %keys : tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16, #mx.block<

// LOWERED:      plena.kernel @constants
// LOWERED-SAME: role = "constant", kind = "bias"
// LOWERED-SAME: recipe = ["broadcast", [1 : i64, 2 : i64, 64 : i64, 64 : i64], ["constant", [1 : i64, 2 : i64, 1 : i64, 1 : i64], "bf16", "AD8AwA=="]]
// LOWERED-SAME: name = "keys", role = "constant", kind = "key"
