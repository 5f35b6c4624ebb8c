// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize --cse | filecheck %s
// RUN: fa-opt %s --tile --fuse --cse | filecheck %s --check-prefix=BEFORE
// RUN: fa-opt %s --machine plena-64-stock --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize --cse | filecheck %s --check-prefix=STOCK

// The caller's tensors hold f32. Tiles do too before the pass:

func.func @attention(%Q: tensor<1x1x64x64xf32>, %K: tensor<1x1x64x64xf32>, %V: tensor<1x1x64x64xf32>)
    -> tensor<1x1x64x64xf32> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x1x64x64xf32>, tensor<1x1x64x64xf32>, tensor<1x1x64x64xf32> -> tensor<1x1x64x64xf32>
  func.return %O : tensor<1x1x64x64xf32>
}

// BEFORE-NOT: mx.
// BEFORE:     %output = memref.alloc() : memref<1x1x64x64xf32, #fa.hbm>
// BEFORE:     %s = fa.scores {{.*}} -> !fa.tile<64x64xf32, vector>

// Afterwards HBM holds bf16 for Q and O, blocks of E4M3 for K and V, and tiles hold bf16, statistics
// included. The host does what `mx.quantize` and `mx.dequantize` at the function's boundary say.
//
// CHECK-LABEL: @attention
// CHECK:          %Q_stored = mx.quantize %Q : tensor<1x1x64x64xf32> -> tensor<1x1x64x64xbf16>
// CHECK-NEXT:     %K_stored = mx.quantize %K : tensor<1x1x64x64xf32> -> tensor<1x1x64x64xbf16, #mx.block<e4m3, {{.*}}>>
// CHECK-NEXT:     %V_stored = mx.quantize %V : tensor<1x1x64x64xf32> -> tensor<1x1x64x64xbf16, #mx.block<e4m3, {{.*}}>>
// CHECK-NEXT:     %output = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm>
// CHECK:          %q = fa.load %Q_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     %q_scaled = fa.scale %q by 1.250000e-01 : f32 :{{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     %m = fa.fill 0xff800000 : f32 : !fa.tile<64xbf16, scalar>
// CHECK-NEXT:     %l = fa.fill 0.000000e+00 : f32 : !fa.tile<64xbf16, scalar>
// CHECK-NEXT:     %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     %k = fa.load %K_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix>
// CHECK-NEXT:     %s = fa.scores %q_scaled, %k {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l :{{.*}} -> !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
// CHECK-NEXT:     %v = fa.load %V_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix>
// CHECK-NEXT:     %pv = fa.matmul %p, %v {{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     %acc_1 = fa.accumulate %acc, %pv rescale %alpha :{{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     %o = fa.normalize %acc_1, %l_1 :{{.*}} -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:     fa.store %o, %output[%c0, %c0, %c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<1x1x64x64xbf16, #fa.hbm>
// CHECK-NEXT:     %O = fa.result %output :{{.*}} -> tensor<1x1x64x64xbf16>
// CHECK-NEXT:     %O_1 = mx.dequantize %O : tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xf32>
// CHECK-NEXT:     func.return %O_1 : tensor<1x1x64x64xf32>

// Another machine stores Q and O in blocks too; what is on chip stays bf16.
//
// STOCK-LABEL: @attention
// STOCK-DAG:   %Q_stored = mx.quantize %Q : {{.*}}#mx.block
// STOCK-DAG:   %K_stored = mx.quantize %K : {{.*}}#mx.block
// STOCK-DAG:   %output = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm<#mx.block<
// STOCK:       %s = fa.scores {{.*}} -> !fa.tile<64x64xbf16, vector>
