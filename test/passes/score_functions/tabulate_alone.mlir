// RUN: fa-opt %s --tabulate | filecheck %s

// What a function makes of keys' places is a table with one row, of which each tile loads its part.

// CHECK-LABEL: func.func @slope(
// CHECK-SAME:    [[S:%.*]]: tensor<64x128xbf16>)
// CHECK-NEXT:    [[NUMBERS:%.*]] = arith.constant dense<{{.*}}> : tensor<1x1x1x128xf32>
// CHECK-NEXT:    [[TABLE:%.*]] = fa.broadcast [[NUMBERS]] : tensor<1x1x1x128xf32> -> tensor<1x1x4x128xf32>
// CHECK:         scf.for [[J:%.*]] = {{.*}} {
// CHECK-NEXT:      [[TILE:%.*]] = fa.load [[S]][{{.*}}, [[J]]]
// CHECK:           [[PART:%.*]] = fa.load [[TABLE]][{{.*}}, [[J]]] : {{.*}} -> !fa.tile<4x64xbf16, vector>
// CHECK-NEXT:      fa.map [[TILE]] at[{{.*}}, [[J]]] with [[PART]] {
// CHECK-NEXT:      ^bb0([[X:%.*]]: f32, {{.*}}: index, {{.*}}: index, {{.*}}: index, {{.*}}: index, [[NUMBER:%.*]]: f32):
// CHECK-NEXT:        [[Y:%.*]] = arith.addf [[X]], [[NUMBER]] : f32
// CHECK-NEXT:        fa.yield [[Y]] : f32

func.func @slope(%S: tensor<64x128xbf16>) -> tensor<64x128xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %buffer = memref.alloc() : memref<64x128xbf16, #fa.hbm>
  scf.for %j = %c0 to %c128 step %c64 {
    %s = fa.load %S[%c0, %j] : tensor<64x128xbf16> -> !fa.tile<64x64xbf16, vector>
    %t = fa.map %s at [%c0, %c0, %c0, %j] {
    ^bb0(%x: f32, %b: index, %h: index, %row: index, %key: index):
      %whole = arith.index_cast %key : index to i64
      %number = arith.sitofp %whole : i64 to f32
      %y = arith.addf %x, %number : f32
      fa.yield %y : f32
    } : !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
    fa.store %t, %buffer[%c0, %j] : !fa.tile<64x64xbf16, vector>, memref<64x128xbf16, #fa.hbm>
  }
  %o = fa.result %buffer : memref<64x128xbf16, #fa.hbm> -> tensor<64x128xbf16>
  func.return %o : tensor<64x128xbf16>
}
