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
// CHECK:          %0 = plena.get_register : !plena.gp<gp0>
//
// An address register for each tensor: X at byte 0, the result behind it.
// CHECK-NEXT:     %1 = plena.c_set_addr_reg %0, %0 : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr<a0>
// CHECK-NEXT:     %2 = plena.s_addi_int %0, 2048 : (!plena.gp<gp0>) -> !plena.gp<gp1>
// CHECK-NEXT:     %3 = plena.c_set_addr_reg %0, %2 : (!plena.gp<gp0>, !plena.gp<gp1>) -> !plena.addr<a1>
//
// The loop counts down, so iteration i is 2 - counter; a head is 1024 bytes.
// CHECK-NEXT:     plena.loop 2 (%4 : !plena.gp<gp1>) {
// CHECK-NEXT:       %5 = plena.s_addi_int %0, 1024 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// CHECK-NEXT:       %6 = plena.s_mul_int %4, %5 : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       %7 = plena.s_addi_int %0, 2048 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       %8 = plena.s_sub_int %7, %6 : (!plena.gp<gp3>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       %9 = plena.s_addi_int %0, 128 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       plena.c_set_stride_reg %9 : (!plena.gp<gp3>) -> ()
// CHECK-NEXT:       %10 = plena.copy %0 : (!plena.gp<gp0>) -> !plena.gp<gp3>
//
// The load: 4 rows at a time, the row stride in a control register.
// CHECK-NEXT:       %11, %12 = plena.loop 2 (%13 : !plena.gp<gp4>, %14 = %10 : !plena.gp<gp3>, %15 = %8 : !plena.gp<gp2>) {
// CHECK-NEXT:         plena.h_prefetch_v %14, %15, %1, 1, 0 : (!plena.gp<gp3>, !plena.gp<gp2>, !plena.addr<a0>) -> ()
// CHECK-NEXT:         %16 = plena.s_addi_int %14, 256 : (!plena.gp<gp3>) -> !plena.gp<gp3>
// CHECK-NEXT:         %17 = plena.s_addi_int %15, 512 : (!plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:         plena.yield %13, %16, %17 : !plena.gp<gp4>, !plena.gp<gp3>, !plena.gp<gp2>
// CHECK-NEXT:       }
//
// The product, row by row: 2.0 comes from FP_MEM.
// CHECK-NEXT:       %18 = plena.s_ld_fp %0, 0 : (!plena.gp<gp0>) -> !plena.fp<f1>
// CHECK-NEXT:       %19 = plena.s_addi_int %0, 512 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// CHECK-NEXT:       %20 = plena.copy %0 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       %21, %22 = plena.loop 8 (%23 : !plena.gp<gp4>, %24 = %20 : !plena.gp<gp3>, %25 = %19 : !plena.gp<gp2>) {
// CHECK-NEXT:         plena.v_mul_vf %25, %24, %18, 0 : (!plena.gp<gp2>, !plena.gp<gp3>, !plena.fp<f1>) -> ()
// CHECK-NEXT:         %26 = plena.s_addi_int %24, 64 : (!plena.gp<gp3>) -> !plena.gp<gp3>
// CHECK-NEXT:         %27 = plena.s_addi_int %25, 64 : (!plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:         plena.yield %23, %26, %27 : !plena.gp<gp4>, !plena.gp<gp3>, !plena.gp<gp2>
// CHECK-NEXT:       }
//
// The store.
// CHECK-NEXT:       %28 = plena.s_addi_int %0, 1024 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// CHECK-NEXT:       %29 = plena.s_mul_int %4, %28 : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       %30 = plena.s_addi_int %0, 2048 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       %31 = plena.s_sub_int %30, %29 : (!plena.gp<gp3>, !plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:       %32 = plena.s_addi_int %0, 512 : (!plena.gp<gp0>) -> !plena.gp<gp3>
// CHECK-NEXT:       %33, %34 = plena.loop 2 (%35 : !plena.gp<gp4>, %36 = %32 : !plena.gp<gp3>, %37 = %31 : !plena.gp<gp2>) {
// CHECK-NEXT:         plena.h_store_v %36, %37, %3, 1, 0 : (!plena.gp<gp3>, !plena.gp<gp2>, !plena.addr<a1>) -> ()
// CHECK-NEXT:         %38 = plena.s_addi_int %36, 256 : (!plena.gp<gp3>) -> !plena.gp<gp3>
// CHECK-NEXT:         %39 = plena.s_addi_int %37, 512 : (!plena.gp<gp2>) -> !plena.gp<gp2>
// CHECK-NEXT:         plena.yield %35, %38, %39 : !plena.gp<gp4>, !plena.gp<gp3>, !plena.gp<gp2>
// CHECK-NEXT:       }
// CHECK-NEXT:       plena.yield %4 : !plena.gp<gp1>
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
