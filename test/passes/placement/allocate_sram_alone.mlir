// RUN: fa-opt %s --allocate-sram | filecheck %s

// Addresses in elements: whole rows of 64 in vector memory, whole tiles of 64x64 in matrix memory. The scaled
// queries take the place of the queries. V comes where K was, which is dead by then, and so do the
// probabilities where the scores were, because the softmax goes row by row. Statistics that leave no row loop
// have no place; the scratch rows of the product lie where the queries were.

func.func @places(%Q: tensor<8x64xbf16>, %K: tensor<64x64xbf16>, %Vt: tensor<64x64xbf16>) -> tensor<8x64xbf16>
    attributes {fa.mapped} {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %q = fa.load %Q[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector>
  %half = fa.scale %q by 0.5 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  %k = fa.load %K[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %s = fa.scores %half, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  %v = fa.load %Vt[%c0, %c0] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
  %o = fa.row_loop rows = 8 unroll = 2 {
    %p, %m, %l, %alpha = fa.online_softmax %s : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar>
    %pv = fa.matmul %p, %v {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
    %r = fa.normalize %pv, %l {factor = 4.0 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xbf16, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield %r : !fa.tile<8x64xbf16, vector>
  } : !fa.tile<8x64xbf16, vector>
  fa.store %o, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16, #fa.hbm>
  %O = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %O : tensor<8x64xbf16>
}

// CHECK-LABEL: @places
// CHECK:       [[Q:%.*]] = fa.load {{.*}} -> !fa.tile<8x64xbf16, vector at 0>
// CHECK-NEXT:  [[H:%.*]] = fa.scale [[Q]] by {{.*}} -> !fa.tile<8x64xbf16, vector at 0>
// CHECK-NEXT:  [[K:%.*]] = fa.load {{.*}} -> !fa.tile<64x64xbf16, matrix at 0>
// CHECK-NEXT:  [[S:%.*]] = fa.scores [[H]], [[K]] {{.*}} -> !fa.tile<8x64xbf16, vector at 512>
// CHECK-NEXT:  [[V:%.*]] = fa.load {{.*}} -> !fa.tile<64x64xbf16, matrix at 0>
// CHECK-NEXT:  [[ROOM:%.*]] = fa.scratch : !fa.tile<6x64xbf16, vector at 0>
// CHECK-NEXT:  [[O:%.*]] = fa.row_loop rows = 8 unroll = 2 {
// CHECK-NEXT:    [[P:%.*]], {{%.*}}, [[L:%.*]], {{%.*}} = fa.online_softmax [[S]] {{.*}} -> !fa.tile<8x64xbf16, vector at 512>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar>, !fa.tile<8xbf16, scalar>
// CHECK-NEXT:    [[PV:%.*]] = fa.matmul [[P]], [[V]] scratch [[ROOM]] {{.*}} -> !fa.tile<8x64xbf16, vector at 512>
// CHECK-NEXT:    [[R:%.*]] = fa.normalize [[PV]], [[L]] {{.*}} -> !fa.tile<8x64xbf16, vector at 512>
// CHECK-NEXT:    fa.yield [[R]]
// CHECK-NEXT:  } : !fa.tile<8x64xbf16, vector at 512>
// CHECK-NEXT:  fa.store [[O]],
