// RUN: fa-opt %s --trim-tiles | filecheck %s

// The queries see keys 108 to 191 of 256: the panels of 64 in front and behind are not loaded, and the
// mask begins where the keys do.

// CHECK-LABEL: func.func @window(
// CHECK-SAME:    [[Q:%.*]]: tensor<64x64xbf16>, [[K:%.*]]: tensor<256x64xbf16>, [[V:%.*]]: tensor<256x64xbf16>)
// CHECK:         [[QT:%.*]] = fa.load [[Q]]
// CHECK-NEXT:    [[FIRST:%.*]] = arith.constant 64 : index
// CHECK-NEXT:    [[KT:%.*]] = fa.load [[K]][[[FIRST]], {{.*}}] : {{.*}} -> !fa.tile<128x64xbf16, matrix>
// CHECK:         [[S:%.*]] = fa.scores [[QT]], [[KT]] : {{.*}} -> !fa.tile<64x128xbf16, vector>
// CHECK-NEXT:    [[KEY:%.*]] = arith.constant 64 : index
// CHECK-NEXT:    [[SEEN:%.*]] = fa.mask [[S]] at[{{.*}}, [[KEY]]]
// CHECK-NEXT:    [[P:%.*]], {{.*}}, {{.*}}, {{.*}} = fa.online_softmax [[SEEN]] : !fa.tile<64x128xbf16, vector>
// CHECK-NEXT:    [[PLACE:%.*]] = arith.constant 64 : index
// CHECK-NEXT:    [[VT:%.*]] = fa.load [[V]][[[PLACE]], {{.*}}] : {{.*}} -> !fa.tile<128x64xbf16, matrix>
// CHECK:         [[PV:%.*]] = fa.matmul [[P]], [[VT]]
// CHECK-NEXT:    fa.store [[PV]]

func.func @window(%Q: tensor<64x64xbf16>, %K: tensor<256x64xbf16>, %V: tensor<256x64xbf16>) -> tensor<64x64xbf16> {
  %c0 = arith.constant 0 : index
  %output = memref.alloc() : memref<64x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<256x64xbf16> -> !fa.tile<256x64xbf16, matrix>
  %s = fa.scores %q, %k : !fa.tile<64x64xbf16, vector>, !fa.tile<256x64xbf16, matrix> -> !fa.tile<64x256xbf16, vector>
  %seen = fa.mask %s at [%c0, %c0, %c0, %c0] {kv_len = 256 : i64, mask = #fa.window<left = 20, right = 0, offset = 128>} : !fa.tile<64x256xbf16, vector> -> !fa.tile<64x256xbf16, vector>
  %p, %m, %l, %alpha = fa.online_softmax %seen : !fa.tile<64x256xbf16, vector> -> !fa.tile<64x256xbf16, vector>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>, !fa.tile<64xbf16, scalar>
  %v = fa.load %V[%c0, %c0] : tensor<256x64xbf16> -> !fa.tile<256x64xbf16, matrix>
  %pv = fa.matmul %p, %v : !fa.tile<64x256xbf16, vector>, !fa.tile<256x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  fa.store %pv, %output[%c0, %c0] : !fa.tile<64x64xbf16, vector>, memref<64x64xbf16, #fa.hbm>
  %O = fa.result %output : memref<64x64xbf16, #fa.hbm> -> tensor<64x64xbf16>
  func.return %O : tensor<64x64xbf16>
}
