// One kernel through all levels: one head, 64 queries, 64 keys, 64 columns, one tile of everything.

// RUN: fa-opt %s --tile --cse | filecheck %s --check-prefix=TILE
// RUN: fa-opt %s --tile --fuse --cse --canonicalize | filecheck %s --check-prefix=FUSE
// RUN: fa-opt %s --tile --fuse --quantize --cse | filecheck %s --check-prefix=QUANTIZE
// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram --cse | filecheck %s --check-prefix=SRAM
// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram --lower-to-isa="clean-up=false" | filecheck %s --check-prefix=ISA
// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram --lower-to-isa="clean-up=false" -t plena-asm -o %t.asm
// RUN: filecheck %s --check-prefix=ASM --match-full-lines --strict-whitespace < %t.asm

// The binary form is what the assembler makes of the text.

// RUN: fa-opt %s --fa-to-plena -t plena-asm -o %t.asm
// RUN: fa-opt %s --fa-to-plena -t plena-mem -o %t.mem
// RUN: fa-asm %t.asm -o - | diff - %t.mem

func.func @small(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x64x64xbf16>, %V: tensor<1x1x64x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>
      -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}

// Standard attention: scores to HBM, softmax of whole rows, P V.
//
// TILE:          %q = fa.load %Q[%c0, %c0, %c0, %c0]
// TILE-NEXT:     %q_scaled = fa.scale %q by 1.250000e-01 : f32
// TILE-NEXT:     %k = fa.load %K[%c0, %c0, %c0, %c0]
// TILE-NEXT:     %s = fa.scores %q_scaled, %k
// TILE-NEXT:     fa.store %s, %scores[%c0, %c0]
// TILE-NEXT:     %s_1 = fa.load %scores[%c0, %c0]
// TILE-NEXT:     %p, %m, %l = fa.softmax %s_1
// TILE-NEXT:     fa.store %p, %weights[%c0, %c0]
// TILE-NEXT:     %acc = fa.fill 0.000000e+00 : f32
// TILE-NEXT:     %p_1 = fa.load %weights[%c0, %c0]
// TILE-NEXT:     %v = fa.load %V[%c0, %c0, %c0, %c0]
// TILE-NEXT:     %pv = fa.matmul %p_1, %v
// TILE-NEXT:     %acc_1 = fa.accumulate %acc, %pv
// TILE-NEXT:     fa.store %acc_1, %output[%c0, %c0, %c0, %c0]
// TILE-NEXT:     %O = fa.result %output
// TILE-NEXT:     func.return %O : tensor<1x1x64x64xbf16>

// Flash attention: the scores stay on chip.
//
// FUSE:          %q = fa.load %Q[%c0, %c0, %c0, %c0]
// FUSE-NEXT:     %q_scaled = fa.scale %q by 1.250000e-01 : f32
// FUSE-NEXT:     %m = fa.fill 0xff800000 : f32
// FUSE-NEXT:     %l = fa.fill 0.000000e+00 : f32
// FUSE-NEXT:     %acc = fa.fill 0.000000e+00 : f32
// FUSE-NEXT:     %k = fa.load %K[%c0, %c0, %c0, %c0]
// FUSE-NEXT:     %s = fa.scores %q_scaled, %k
// FUSE-NEXT:     %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l
// FUSE-NEXT:     %v = fa.load %V[%c0, %c0, %c0, %c0]
// FUSE-NEXT:     %pv = fa.matmul %p, %v
// FUSE-NEXT:     %acc_1 = fa.accumulate %acc, %pv rescale %alpha
// FUSE-NEXT:     %o = fa.normalize %acc_1, %l_1
// FUSE-NEXT:     fa.store %o, %output[%c0, %c0, %c0, %c0]
// FUSE-NEXT:     %O = fa.result %output
// FUSE-NEXT:     func.return %O : tensor<1x1x64x64xbf16>

// K and V are stored in blocks that share a scale; statistics are bf16 as all else on chip.
//
// QUANTIZE:          %K_stored = mx.quantize %K : tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16, #mx.block<e4m3, {{.*}}>>
// QUANTIZE-NEXT:     %V_stored = mx.quantize %V : tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16, #mx.block<e4m3, {{.*}}>>
// QUANTIZE-NEXT:     %output = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm>
// QUANTIZE:          %q = fa.load %Q[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, vector>
// QUANTIZE-NEXT:     %q_scaled = fa.scale %q by 1.250000e-01 : f32 :{{.*}} -> !fa.tile<64x64xbf16, vector>
// QUANTIZE-NEXT:     %m = fa.fill 0xff800000 : f32 : !fa.tile<64xbf16, scalar>
// QUANTIZE-NEXT:     %l = fa.fill 0.000000e+00 : f32 : !fa.tile<64xbf16, scalar>
// QUANTIZE-NEXT:     %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<64x64xbf16, vector>
// QUANTIZE-NEXT:     %k = fa.load %K_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix>

// Addresses: three tiles of vector SRAM, one of matrix SRAM, three statistics of 64 rows in FP_MEM.
//
// SRAM:          %q = fa.load %Q[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, vector at 0>
// SRAM-NEXT:     %q_scaled = fa.scale %q by 1.250000e-01 : f32 :{{.*}} -> !fa.tile<64x64xbf16, vector at 0>
// SRAM-NEXT:     %m = fa.fill 0xff800000 : f32 : !fa.tile<64xbf16, scalar at 0>
// SRAM-NEXT:     %l = fa.fill 0.000000e+00 : f32 : !fa.tile<64xbf16, scalar at 64>
// SRAM-NEXT:     %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:     %k = fa.load %K_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix at 0>
// SRAM-NEXT:     %s = fa.scores %q_scaled, %k :{{.*}} -> !fa.tile<64x64xbf16, vector at 8192>
// SRAM-NEXT:     %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l :{{.*}} -> !fa.tile<64x64xbf16, vector at 8192>, !fa.tile<64xbf16, scalar at 0>, !fa.tile<64xbf16, scalar at 64>, !fa.tile<64xbf16, scalar at 128>
// SRAM-NEXT:     %v = fa.load %V_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix at 0>
// SRAM-NEXT:     %pv = fa.matmul %p, %v :{{.*}} -> !fa.tile<64x64xbf16, vector at 0>
// SRAM-NEXT:     %acc_1 = fa.accumulate %acc, %pv rescale %alpha :{{.*}} -> !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:     %o = fa.normalize %acc_1, %l_1 :{{.*}} -> !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:     fa.store %o, %output[%c0, %c0, %c0, %c0] : !fa.tile<64x64xbf16, vector at 4096>, memref<1x1x64x64xbf16, #fa.hbm>

// Instructions, and what the host has to know.
//
// ISA:      plena.kernel @small attributes {layout = {
// ISA:      plena.h_prefetch_v %{{.*}}, %{{.*}}, %{{.*}}, 1, 0
// ISA:      plena.h_prefetch_m %{{.*}}, %{{.*}}, %{{.*}}, 1, 1
// ISA:      plena.m_tmm %{{.*}}, %{{.*}}
// ISA:      plena.m_mm_wo %{{.*}}, %{{.*}}, 0
// ISA:      plena.v_exp_v %{{.*}}, %{{.*}}, 0
// ISA:      plena.h_prefetch_m %{{.*}}, %{{.*}}, %{{.*}}, 1, 1
// ISA:      plena.m_mm %{{.*}}, %{{.*}}
// ISA:      plena.m_mm_wo %{{.*}}, %{{.*}}, 0
// ISA:      %{{.*}} = plena.s_reci_fp %{{.*}}
// ISA:      plena.h_store_v %{{.*}}, %{{.*}}, %{{.*}}, 1, 0

// The text as it is emitted, from the load of K to the end of the softmax.
//
// ASM:H_PREFETCH_M gp0, gp0, a1, 1, 1
// ASM-NEXT:S_ADDI_INT gp1, gp0, 8192
// ASM-NEXT:S_ADDI_INT gp2, gp0, 0
// ASM-NEXT:C_LOOP_START gp3, 16
// ASM-NEXT:  S_ADDI_INT gp4, gp0, 0
// ASM-NEXT:  C_LOOP_START gp5, 16
// ASM-NEXT:    M_TMM 0, gp2, gp4
// ASM-NEXT:    M_MM_WO gp1, gp0, 0
// ASM-NEXT:    S_ADDI_INT gp1, gp1, 4
// ASM-NEXT:    S_ADDI_INT gp4, gp4, 256
// ASM-NEXT:  C_LOOP_END gp5
// ASM-NEXT:  S_ADDI_INT gp1, gp1, 192
// ASM-NEXT:  S_ADDI_INT gp2, gp2, 256
// ASM-NEXT:C_LOOP_END gp3
// ASM-NEXT:S_ADDI_INT gp1, gp0, 8192
// ASM-NEXT:S_ADDI_INT gp2, gp0, 0
// ASM-NEXT:C_LOOP_START gp3, 64
// ASM-NEXT:  S_LD_FP f1, gp2, 0
// ASM-NEXT:  S_MAX_FP f2, f1, f1
// ASM-NEXT:  V_RED_MAX f2, gp1, 0
// ASM-NEXT:  S_ST_FP f2, gp2, 0
// ASM-NEXT:  S_SUB_FP f1, f1, f2
// ASM-NEXT:  S_EXP_FP f1, f1
// ASM-NEXT:  S_ST_FP f1, gp2, 128
// ASM-NEXT:  S_LD_FP f3, gp2, 64
// ASM-NEXT:  S_MUL_FP f1, f3, f1
// ASM-NEXT:  V_SUB_VF gp1, gp1, f2, 0, 0
// ASM-NEXT:  V_EXP_V gp1, gp1, 0
// ASM-NEXT:  V_RED_SUM f1, gp1
// ASM-NEXT:  S_ST_FP f1, gp2, 64
// ASM-NEXT:  S_ADDI_INT gp1, gp1, 64
// ASM-NEXT:  S_ADDI_INT gp2, gp2, 1
// ASM-NEXT:C_LOOP_END gp3
