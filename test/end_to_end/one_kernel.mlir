// One kernel through all levels: one head, 64 queries, 64 keys, 64 columns, one tile of everything.

// RUN: fa-opt %s --tile --cse | filecheck %s --check-prefix=TILE
// RUN: fa-opt %s --tile --fuse --cse --canonicalize | filecheck %s --check-prefix=FUSE
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize --cse | filecheck %s --check-prefix=QUANTIZE
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize --allocate-sram --cse | filecheck %s --check-prefix=SRAM
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize --allocate-sram --lower-to-isa="clean-up=false" | filecheck %s --check-prefix=ISA
// RUN: fa-opt %s --tile --fuse --map="pv=btmv sums=ones" --quantize --allocate-sram --lower-to-isa="clean-up=false" -t plena-asm -o %t.asm
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

// Mapped and placed: queries packed and values transposed by the host, a tile of ones, one row loop for
// softmax, product and division, whose tiles share a place; statistics and sums have none.
//
// SRAM:          %ones_tile = fa.load %{{.*}} -> !fa.tile<64x64xbf16, matrix at 0>
// SRAM:          fa.transpose %V {permutation = array<i64: 0, 1, 3, 2>}
// SRAM:          %q = fa.load %{{.*}}[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, vector at 0>
// SRAM-NEXT:     %q_scaled = fa.scale %q by 5.000000e-01 : f32 :{{.*}} -> !fa.tile<64x64xbf16, vector at 0>
// SRAM-NEXT:     %k = fa.load %K_stored[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix at 4096>
// SRAM-NEXT:     %s = fa.scores %q_scaled, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:     %v = fa.load %{{.*}}[%c0, %c0, %c0, %c0] :{{.*}} -> !fa.tile<64x64xbf16, matrix at 4096>
// SRAM-NEXT:     %[[ROOM:.*]] = fa.scratch : !fa.tile<6x64xbf16, vector at 0>
// SRAM-NEXT:     %o = fa.row_loop rows = 64 unroll = 4 {
// SRAM-NEXT:       %p, %m, %l, %alpha = fa.online_softmax %s ones %ones_tile scratch %[[ROOM]] :{{.*}} -> !fa.tile<64x64xbf16, vector at 4096>, !fa.tile<64xbf16, scalar>, !fa.tile<64x64xbf16, vector>, !fa.tile<64xbf16, scalar>
// SRAM-NEXT:       %pv = fa.matmul %p, %v scratch %[[ROOM]] {family = #fa.family<btmv>} :{{.*}} -> !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:       %o_1 = fa.normalize %pv, %l :{{.*}} -> !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:       fa.yield %o_1
// SRAM-NEXT:     } : !fa.tile<64x64xbf16, vector at 4096>
// SRAM-NEXT:     fa.store %o, %output[%c0, %c0, %c0, %c0] : !fa.tile<64x64xbf16, vector at 4096>, memref<1x1x64x64xbf16, #fa.hbm>

// Instructions, and what the host has to know.
//
// ISA:      plena.kernel @small attributes {
// ISA:      plena.h_prefetch_m %{{.*}}, %{{.*}}, %{{.*}}, 1, 1
// ISA:      plena.h_prefetch_v %{{.*}}, %{{.*}}, %{{.*}}, 1, 0
// ISA:      plena.h_prefetch_m %{{.*}}, %{{.*}}, %{{.*}}, 1, 1
// ISA:      plena.m_btmv %{{.*}}, %{{.*}}, %{{.*}}
// ISA:      plena.m_bmv_wo %{{.*}}, 0
// ISA:      plena.v_exp_v %{{.*}}, %{{.*}}, 0
// ISA:      plena.v_shft_v %{{.*}}, %{{.*}}, %{{.*}}
// ISA:      plena.v_reci_v %{{.*}}, %{{.*}}, 0
// ISA:      plena.h_store_v %{{.*}}, %{{.*}}, %{{.*}}, 1, 0

// The text as it is emitted, from Q K^T to the end of the first row's softmax, product and division.
//
// ASM:S_ADDI_INT gp1, gp0, 16
// ASM-NEXT:S_ADDI_INT gp2, gp0, 32
// ASM-NEXT:S_ADDI_INT gp3, gp0, 48
// ASM-NEXT:S_ADDI_INT gp4, gp0, 4096
// ASM-NEXT:S_ADDI_INT gp5, gp0, 4096
// ASM-NEXT:S_ADDI_INT gp6, gp0, 0
// ASM-NEXT:C_LOOP_START gp7, 16
// ASM-NEXT:  S_ADDI_INT gp8, gp6, 64
// ASM-NEXT:  S_ADDI_INT gp9, gp8, 64
// ASM-NEXT:  S_ADDI_INT gp10, gp9, 64
// ASM-NEXT:  M_BTMV gp0, gp4, gp6
// ASM-NEXT:  M_BTMV gp1, gp4, gp8
// ASM-NEXT:  M_BTMV gp2, gp4, gp9
// ASM-NEXT:  M_BTMV gp3, gp4, gp10
// ASM-NEXT:  M_BMV_WO gp5, 0
// ASM-NEXT:  S_ADDI_INT gp6, gp6, 256
// ASM-NEXT:  S_ADDI_INT gp5, gp5, 256
// ASM-NEXT:C_LOOP_END gp7
// ASM-NEXT:S_ADDI_INT gp1, gp0, 4096
// ASM-NEXT:H_PREFETCH_M gp1, gp0, a3, 1, 1
// ASM-NEXT:S_LD_FP f1, gp0, 1
// ASM-NEXT:S_ADDI_INT gp1, gp0, 64
// ASM-NEXT:S_ADDI_INT gp2, gp0, 128
// ASM-NEXT:S_ADDI_INT gp3, gp0, 192
// ASM-NEXT:S_ADDI_INT gp4, gp0, 256
// ASM-NEXT:S_ADDI_INT gp5, gp0, 320
// ASM-NEXT:S_ADDI_INT gp6, gp0, 16
// ASM-NEXT:S_ADDI_INT gp7, gp0, 32
// ASM-NEXT:S_ADDI_INT gp8, gp0, 48
// ASM-NEXT:S_ADDI_INT gp9, gp0, 4096
// ASM-NEXT:S_ADDI_INT gp10, gp0, 4096
// ASM-NEXT:S_ADDI_INT gp11, gp0, 0
// ASM-NEXT:C_LOOP_START gp12, 16
// ASM-NEXT:  S_MAX_FP f2, f1, f1
// ASM-NEXT:  V_RED_MAX f2, gp10, 0
// ASM-NEXT:  V_SUB_VF gp10, gp10, f2, 0, 0
// ASM-NEXT:  V_EXP_V gp10, gp10, 0
// ASM-NEXT:  M_BTMV gp0, gp0, gp10
// ASM-NEXT:  M_BMV_WO gp2, 0
// ASM-NEXT:  V_ADD_VV gp1, gp2, gp3
// ASM-NEXT:  V_ADD_VV gp1, gp1, gp4
// ASM-NEXT:  V_ADD_VV gp1, gp1, gp5
// ASM-NEXT:  M_BTMV gp8, gp9, gp10
// ASM-NEXT:  V_SHFT_V gp0, gp10, gp6
// ASM-NEXT:  M_BTMV gp7, gp9, gp0
// ASM-NEXT:  V_SHFT_V gp0, gp10, gp7
// ASM-NEXT:  M_BTMV gp6, gp9, gp0
// ASM-NEXT:  V_SHFT_V gp0, gp10, gp8
// ASM-NEXT:  M_BTMV gp0, gp9, gp0
// ASM-NEXT:  M_BMV_WO gp2, 0
// ASM-NEXT:  V_RECI_V gp1, gp1, 0
// ASM-NEXT:  V_MUL_VV gp10, gp5, gp1
// ASM-NEXT:  S_ADDI_INT gp10, gp10, 64
