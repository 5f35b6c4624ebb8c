// RUN: fa-opt %s --emit-instructions | filecheck %s

// A placed tile loaded, doubled and stored: loops of hardware, four rows to a transfer, registers to be
// allocated. 2.0 is an entry of FP_MEM.

// CHECK:      plena.kernel @twice attributes {plena.layout = {{{.*}} fp_mem = [16384 : i64]
// CHECK-NEXT:   [[ZERO:%.*]] = plena.get_register : !plena.gp<gp0>
// CHECK-NEXT:   [[X:%.*]] = plena.c_set_addr_reg [[ZERO]], [[ZERO]] : {{.*}} -> !plena.addr{{$}}
// CHECK-NEXT:   [[BYTE:%.*]] = plena.s_addi_int [[ZERO]], 1024
// CHECK-NEXT:   [[Y:%.*]] = plena.c_set_addr_reg [[ZERO]], [[BYTE]]
// CHECK:        {{.*}} = plena.loop 2 ([[I:%.*]] : !plena.gp, [[ROW:%.*]] = {{.*}}, [[AT:%.*]] = {{.*}}) {
// CHECK-NEXT:     plena.h_prefetch_v [[ROW]], [[AT]], [[X]], 1, 0
// CHECK-NEXT:     [[ROW1:%.*]] = plena.s_addi_int [[ROW]], 256
// CHECK-NEXT:     [[AT1:%.*]] = plena.s_addi_int [[AT]], 512
// CHECK-NEXT:     plena.yield [[I]], [[ROW1]], [[AT1]]
// CHECK-NEXT:   }
// CHECK-NEXT:   [[TWO:%.*]] = plena.s_ld_fp [[ZERO]], 0
// CHECK:        {{.*}} = plena.loop 8 ({{.*}}, [[SOURCE:%.*]] = {{.*}}, [[DEST:%.*]] = {{.*}}) {
// CHECK-NEXT:     plena.v_mul_vf [[DEST]], [[SOURCE]], [[TWO]], 0
// CHECK:        {{.*}} = plena.loop 2 ({{.*}}, [[FROM:%.*]] = {{.*}}, [[TO:%.*]] = {{.*}}) {
// CHECK-NEXT:     plena.h_store_v [[FROM]], [[TO]], [[Y]], 1, 0

func.func @twice(%X: tensor<8x64xbf16>) -> tensor<8x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %x = fa.load %X[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
  %y = fa.scale %x by 2.0 : f32 : !fa.tile<8x64xbf16, vector at 0> -> !fa.tile<8x64xbf16, vector at 512>
  fa.store %y, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector at 512>, memref<8x64xbf16, #fa.hbm>
  %Y = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %Y : tensor<8x64xbf16>
}
