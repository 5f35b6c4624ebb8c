// RUN: fa-opt %s --lower-to-isa="clean-up=false" | filecheck %s
// RUN: fa-opt %s --lower-to-isa="clean-up=false" -t plena-asm | filecheck %s --check-prefix=ASM --match-full-lines --strict-whitespace

// A tensor doubled, tile by tile: tiles to instructions as they are emitted, and how these print.

func.func @twice(%X: tensor<2x8x64xbf16>) -> tensor<2x8x64xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %out = memref.alloc() : memref<2x8x64xbf16, #fa.hbm>
  scf.for %i = %c0 to %c2 step %c1 {
    %x = fa.load %X[%i, %c0, %c0] : tensor<2x8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
    %y = fa.scale %x by 2.0 : f32 : !fa.tile<8x64xbf16, vector at 0> -> !fa.tile<8x64xbf16, vector at 512>
    fa.store %y, %out[%i, %c0, %c0] : !fa.tile<8x64xbf16, vector at 512>, memref<2x8x64xbf16, #fa.hbm>
  }
  %Y = fa.result %out : memref<2x8x64xbf16, #fa.hbm> -> tensor<2x8x64xbf16>
  func.return %Y : tensor<2x8x64xbf16>
}

// The kernel says where its tensors lie and what FP_MEM holds: 2.0, 0x4000 in bf16.
//
// CHECK:      plena.kernel @twice attributes {plena.layout = {
// CHECK-SAME: fp_mem = [16384 : i64]
// CHECK:          [[V0:%.*]] = plena.get_register : !plena.gp<gp0>
//
// An address register for each tensor: X at byte 0, the result behind it.
// CHECK-NEXT:     [[V1:%.*]] = plena.c_set_addr_reg [[V0]], [[V0]] : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr<a0>
// CHECK-NEXT:     [[V2:%.*]] = plena.s_addi_int [[V0]], 2048 : (!plena.gp<gp0>) -> !plena.gp<gp1>
// CHECK-NEXT:     [[V3:%.*]] = plena.c_set_addr_reg [[V0]], [[V2]] : (!plena.gp<gp0>, !plena.gp<gp1>) -> !plena.addr<a1>
//
// The loop counts down, so iteration i is 2 - counter; a head is 1024 bytes.
// CHECK-NEXT:     plena.loop 2 ([[V4:%.*]] : !plena.gp<gp1>) {
// CHECK-NEXT:       [[V5:%.*]] = plena.s_addi_int [[V0]], 1024 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V6:%.*]] = plena.s_mul_int [[V4]], [[V5]] : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V7:%.*]] = plena.s_addi_int [[V0]], 2048 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       [[V8:%.*]] = plena.s_sub_int [[V7]], [[V6]] : (!plena.gp<gp3>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V9:%.*]] = plena.s_addi_int [[V0]], 128 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       plena.c_set_stride_reg [[V9]] : (!plena.gp<gp3>) -> ()
// CHECK-NEXT:       [[V10:%.*]] = plena.copy [[V0]] : (!plena.gp<gp0>) -> !plena.gp<gp3>
//
// The load: 4 rows at a time, the row stride in a control register.
// CHECK-NEXT:       [[V11:%.*]], [[V12:%.*]] = plena.loop 2 ([[V13:%.*]] : !plena.gp<gp4>, [[V14:%.*]] = [[V10]] : !plena.gp<gp3>, [[V15:%.*]] = [[V8]] : !plena.gp<gp2>) {
// CHECK-NEXT:         plena.h_prefetch_v [[V14]], [[V15]], [[V1]], 1, 0 : (!plena.gp<gp3>, !plena.gp<gp2>, !plena.addr<a0>) -> ()
// CHECK-NEXT:         [[V16:%.*]] = plena.s_addi_int [[V14]], 256 : (!plena.gp<gp3>) -> !plena.gp<gp3>
// CHECK-NEXT:         [[V17:%.*]] = plena.s_addi_int [[V15]], 512 : (!plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:         plena.yield [[V13]], [[V16]], [[V17]] : !plena.gp<gp4>, !plena.gp<gp3>, !plena.gp<gp2>
// CHECK-NEXT:       }
//
// The product, row by row: 2.0 comes from FP_MEM.
// CHECK-NEXT:       [[V18:%.*]] = plena.s_ld_fp [[V0]], 0 : (!plena.gp<gp0>) -> !plena.fp<f1>
// CHECK-NEXT:       [[V19:%.*]] = plena.s_addi_int [[V0]], 512 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V20:%.*]] = plena.copy [[V0]] : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       [[V21:%.*]], [[V22:%.*]] = plena.loop 8 ([[V23:%.*]] : !plena.gp<gp4>, [[V24:%.*]] = [[V20]] : !plena.gp<gp3>, [[V25:%.*]] = [[V19]] : !plena.gp<gp2>) {
// CHECK-NEXT:         plena.v_mul_vf [[V25]], [[V24]], [[V18]], 0 : (!plena.gp<gp2>, !plena.gp<gp3>, !plena.fp<f1>) -> ()
// CHECK-NEXT:         [[V26:%.*]] = plena.s_addi_int [[V24]], 64 : (!plena.gp<gp3>) -> !plena.gp<gp3>
// CHECK-NEXT:         [[V27:%.*]] = plena.s_addi_int [[V25]], 64 : (!plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:         plena.yield [[V23]], [[V26]], [[V27]] : !plena.gp<gp4>, !plena.gp<gp3>, !plena.gp<gp2>
// CHECK-NEXT:       }
//
// The store.
// CHECK-NEXT:       [[V28:%.*]] = plena.s_addi_int [[V0]], 1024 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V29:%.*]] = plena.s_mul_int [[V4]], [[V28]] : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V30:%.*]] = plena.s_addi_int [[V0]], 2048 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       [[V31:%.*]] = plena.s_sub_int [[V30]], [[V29]] : (!plena.gp<gp3>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       [[V32:%.*]] = plena.s_addi_int [[V0]], 512 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       [[V33:%.*]], [[V34:%.*]] = plena.loop 2 ([[V35:%.*]] : !plena.gp<gp4>, [[V36:%.*]] = [[V32]] : !plena.gp<gp3>, [[V37:%.*]] = [[V31]] : !plena.gp<gp2>) {
// CHECK-NEXT:         plena.h_store_v [[V36]], [[V37]], [[V3]], 1, 0 : (!plena.gp<gp3>, !plena.gp<gp2>, !plena.addr<a1>) -> ()
// CHECK-NEXT:         [[V38:%.*]] = plena.s_addi_int [[V36]], 256 : (!plena.gp<gp3>) -> !plena.gp<gp3>
// CHECK-NEXT:         [[V39:%.*]] = plena.s_addi_int [[V37]], 512 : (!plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:         plena.yield [[V35]], [[V38]], [[V39]] : !plena.gp<gp4>, !plena.gp<gp3>, !plena.gp<gp2>
// CHECK-NEXT:       }
// CHECK-NEXT:       plena.yield [[V4]] : !plena.gp<gp1>
// CHECK-NEXT:     }
// CHECK-NEXT:   }

// ASM:C_SET_ADDR_REG a0, gp0, gp0
// ASM-NEXT:S_ADDI_INT gp1, gp0, 2048
// ASM-NEXT:C_SET_ADDR_REG a1, gp0, gp1
// ASM-NEXT:C_LOOP_START gp1, 2
// ASM-NEXT:  S_ADDI_INT gp2, gp0, 1024
// ASM-NEXT:  S_MUL_INT gp2, gp1, gp2
// ASM-NEXT:  S_ADDI_INT gp3, gp0, 2048
// ASM-NEXT:  S_SUB_INT gp2, gp3, gp2
// ASM-NEXT:  S_ADDI_INT gp3, gp0, 128
// ASM-NEXT:  C_SET_STRIDE_REG gp3
// ASM-NEXT:  S_ADDI_INT gp3, gp0, 0
// ASM-NEXT:  C_LOOP_START gp4, 2
// ASM-NEXT:    H_PREFETCH_V gp3, gp2, a0, 1, 0
// ASM-NEXT:    S_ADDI_INT gp3, gp3, 256
// ASM-NEXT:    S_ADDI_INT gp2, gp2, 512
// ASM-NEXT:  C_LOOP_END gp4
// ASM-NEXT:  S_LD_FP f1, gp0, 0
// ASM-NEXT:  S_ADDI_INT gp2, gp0, 512
// ASM-NEXT:  S_ADDI_INT gp3, gp0, 0
// ASM-NEXT:  C_LOOP_START gp4, 8
// ASM-NEXT:    V_MUL_VF gp2, gp3, f1
// ASM-NEXT:    S_ADDI_INT gp3, gp3, 64
// ASM-NEXT:    S_ADDI_INT gp2, gp2, 64
// ASM-NEXT:  C_LOOP_END gp4
// ASM-NEXT:  S_ADDI_INT gp2, gp0, 1024
// ASM-NEXT:  S_MUL_INT gp2, gp1, gp2
// ASM-NEXT:  S_ADDI_INT gp3, gp0, 2048
// ASM-NEXT:  S_SUB_INT gp2, gp3, gp2
// ASM-NEXT:  S_ADDI_INT gp3, gp0, 512
// ASM-NEXT:  C_LOOP_START gp4, 2
// ASM-NEXT:    H_STORE_V gp3, gp2, a1, 1, 0
// ASM-NEXT:    S_ADDI_INT gp3, gp3, 256
// ASM-NEXT:    S_ADDI_INT gp2, gp2, 512
// ASM-NEXT:  C_LOOP_END gp4
// ASM-NEXT:C_LOOP_END gp1
