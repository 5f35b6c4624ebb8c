// RUN: fa-opt %s --quantize | filecheck %s

// The host rounds queries to bf16 and stores keys in blocks, as the machine loads them; tiles hold bf16.

// CHECK-LABEL: func.func @product(
// CHECK-SAME:    [[Q:%.*]]: tensor<64x64xf32>, [[K:%.*]]: tensor<64x64xf32>) -> tensor<64x64xf32>
// CHECK-NEXT:    [[QS:%.*]] = mx.quantize [[Q]] : tensor<64x64xf32> -> tensor<64x64xbf16>
// CHECK-NEXT:    [[KS:%.*]] = mx.quantize [[K]] : tensor<64x64xf32> -> tensor<64x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8,
// CHECK:         [[OUT:%.*]] = memref.alloc() : memref<64x64xbf16, #fa.hbm>
// CHECK-NEXT:    [[QT:%.*]] = fa.load [[QS]][{{.*}}] : {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:    [[KT:%.*]] = fa.load [[KS]][{{.*}}] : {{.*}} -> !fa.tile<64x64xbf16, matrix>
// CHECK-NEXT:    [[S:%.*]] = fa.scores [[QT]], [[KT]] : {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:    fa.store [[S]], [[OUT]]
// CHECK-NEXT:    [[RESULT:%.*]] = fa.result [[OUT]] : {{.*}} -> tensor<64x64xbf16>
// CHECK-NEXT:    [[WIDE:%.*]] = mx.dequantize [[RESULT]] : tensor<64x64xbf16> -> tensor<64x64xf32>
// CHECK-NEXT:    func.return [[WIDE]]

func.func @product(%Q: tensor<64x64xf32>, %K: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {fa.mapped} {
  %c0 = arith.constant 0 : index
  %output = memref.alloc() : memref<64x64xf32, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xf32> -> !fa.tile<64x64xf32, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xf32> -> !fa.tile<64x64xf32, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xf32, vector>, !fa.tile<64x64xf32, matrix> -> !fa.tile<64x64xf32, vector>
  fa.store %s, %output[%c0, %c0] : !fa.tile<64x64xf32, vector>, memref<64x64xf32, #fa.hbm>
  %S = fa.result %output : memref<64x64xf32, #fa.hbm> -> tensor<64x64xf32>
  func.return %S : tensor<64x64xf32>
}
