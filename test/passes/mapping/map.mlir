// RUN: fa-opt %s --tile --fuse --cse | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile --fuse --map="qk=btmv pv=btmv sums=ones" --cse | filecheck %s --check-prefix ROWS
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --cse | filecheck %s --check-prefix BLOCKS
// RUN: fa-opt %s --tile --fuse --map="qk=btmv pv=packed sums=ones" --cse | filecheck %s --check-prefix PACKED
// RUN: fa-opt %s --tile --fuse --map="qk=btmm" | filecheck %s --check-prefix BTMM
// RUN: ! fa-opt %s --tile --fuse --map="pv=mm sums=columns" 2>&1 | filecheck %s --check-prefix COLUMNS
// RUN: ! fa-opt %s --tile --fuse --map="pv=btmv boundary=storage" 2>&1 | filecheck %s --check-prefix BTMV
// RUN: ! fa-opt %s --tile --fuse --map --map="pv=mm" 2>&1 | filecheck %s --check-prefix AGAIN
// RUN: ! fa-opt %s --tile="kv-tile=64" --fuse="split-kv=2" --map="sums=ones" 2>&1 | filecheck %s --check-prefix ONES
// RUN: ! fa-opt %s --tile --fuse --map="qk=mm" 2>&1 | filecheck %s --check-prefix OPTION

// Two query heads on one KV head, 64 queries, 128 keys: all keys are one tile.

func.func @attention(%Q: tensor<1x2x64x64xbf16>, %K: tensor<1x1x128x64xbf16>, %V: tensor<1x1x128x64xbf16>)
    -> tensor<1x2x64x64xbf16> {
  %O = fa.attention %Q, %K, %V
      : tensor<1x2x64x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16> -> tensor<1x2x64x64xbf16>
  func.return %O : tensor<1x2x64x64xbf16>
}

// Keys and values are loaded for each head, Q is scaled by 1/8.
//
// BEFORE:      scf.for %member = %c0 to %c2 step %c1 {
// BEFORE-NEXT:   %q = fa.load %Q[%c0, %member, %c0, %c0]
// BEFORE-NEXT:   %q_scaled = fa.scale %q by 1.250000e-01 : f32
// BEFORE-NEXT:   %m = fa.fill 0xff800000 : f32
// BEFORE-NEXT:   %l = fa.fill 0.000000e+00 : f32
// BEFORE-NEXT:   %acc = fa.fill 0.000000e+00 : f32
// BEFORE-NEXT:   %k = fa.load %K[%c0, %c0, %c0, %c0]
// BEFORE-NEXT:   %s = fa.scores %q_scaled, %k
// BEFORE-NEXT:   %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l
// BEFORE-NEXT:   %v = fa.load %V[%c0, %c0, %c0, %c0]
// BEFORE-NEXT:   %pv = fa.matmul %p, %v
// BEFORE-NEXT:   %acc_1 = fa.accumulate %acc, %pv rescale %alpha
// BEFORE-NEXT:   %o = fa.normalize %acc_1, %l_1
// BEFORE-NEXT:   fa.store %o, %output[%c0, %member, %c0, %c0]

// Four rows at a time by M_BTMV: the queries come packed, 16 of their columns for each of four rows in one
// row of lanes, and the values transposed; the host arranges both. The factor 1/4 of the instruction is divided out of
// the queries (1/2), and of the result together with that of the sums, which it multiplies too. Keys, values and
// ones stay in matrix SRAM for both heads.
//
// ROWS:      %ones = arith.constant dense<1.000000e+00>
// ROWS-NEXT: %c0 = arith.constant 0 : index
// ROWS-NEXT: %ones_tile = fa.load %ones[%c0, %c0]
// ROWS-NEXT: %0 = fa.transpose %V {permutation = array<i64: 0, 1, 3, 2>}
// ROWS-NEXT: %1 = fa.pad %Q
// ROWS-NEXT: %2 = fa.reshape %1
// ROWS-NEXT: %3 = fa.transpose %2 {permutation = array<i64: 0, 1, 2, 5, 4, 3, 6>}
// ROWS-NEXT: %4 = fa.reshape %3
// ROWS-NEXT: %5 = fa.reshape %4
// ROWS-NEXT: %output = memref.alloc()
// ROWS-NEXT: %c2 = arith.constant 2 : index
// ROWS-NEXT: %c1 = arith.constant 1 : index
// ROWS-NEXT: %k = fa.load %K[%c0, %c0, %c0, %c0]
// ROWS-NEXT: %v = fa.load %0[%c0, %c0, %c0, %c0]
// ROWS-NEXT: scf.for %member = %c0 to %c2 step %c1 {
// ROWS-NEXT:   %q = fa.load %5[%c0, %member, %c0, %c0]
// ROWS-NEXT:   %q_scaled = fa.scale %q by 5.000000e-01 : f32
// ROWS-NEXT:   %m = fa.fill 0xff800000 : f32
// ROWS-NEXT:   %l = fa.fill 0.000000e+00 : f32
// ROWS-NEXT:   %s = fa.scores %q_scaled, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>}
// ROWS-NEXT:   %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l ones %ones_tile
// ROWS-NEXT:   %pv = fa.matmul %p, %v {family = #fa.family<btmv>}
// ROWS-NEXT:   %acc = fa.accumulate %l, %pv rescale %alpha
// ROWS-NEXT:   %o = fa.normalize %acc, %l_1
// ROWS-NEXT:   fa.store %o, %output[%c0, %member, %c0, %c0]

// Blocks of four rows and columns by M_TMM and M_MM, the layout as it was; keys and values stay, too.
//
// BLOCKS:      %k = fa.load %K[%c0, %c0, %c0, %c0]
// BLOCKS-NEXT: %v = fa.load %V[%c0, %c0, %c0, %c0]
// BLOCKS-NEXT: scf.for %member = %c0 to %c2 step %c1 {
// BLOCKS-NEXT:   %q = fa.load %Q[%c0, %member, %c0, %c0]
// BLOCKS-NEXT:   %q_scaled = fa.scale %q by 1.250000e-01 : f32
// BLOCKS-NEXT:   %m = fa.fill 0xff800000 : f32
// BLOCKS-NEXT:   %l = fa.fill 0.000000e+00 : f32
// BLOCKS-NEXT:   %acc = fa.fill 0.000000e+00 : f32
// BLOCKS-NEXT:   %s = fa.scores %q_scaled, %k
// BLOCKS-NEXT:   %p, %m_1, %l_1, %alpha = fa.online_softmax %s, %m, %l
// BLOCKS-NEXT:   %pv = fa.matmul %p, %v
// BLOCKS-NEXT:   %acc_1 = fa.accumulate %acc, %pv rescale %alpha
// BLOCKS-NEXT:   %o = fa.normalize %acc_1, %l_1
// BLOCKS-NEXT:   fa.store %o, %output[%c0, %member, %c0, %c0]

// M_BTMM takes 256 packed rows at a time; of 64 it makes shifted copies, and leaves them unpacked.
//
// BTMM:     fa.load %Q
// BTMM:     fa.scale {{.*}} by 5.000000e-01
// BTMM:     fa.scores %q_scaled, %k {family = #fa.family<btmm>} : !fa.tile<64x64xbf16, vector>

// What is not possible is said where the operation stands.
//
// COLUMNS: error: sums=columns is not possible here: columns of ones in V go with pv=btmv; sums=reduce is
// BTMV: map.mlir:16:8: error: pv=btmv is not possible here: the values are no tensor that the host could transpose; pv=mm is
// AGAIN: map.mlir:14:1: error: the function is mapped already; start from its tiles
// ONES: map.mlir:16:8: error: sums=ones is not possible here: fa.combine takes sums as numbers; sums=reduce is
// OPTION: fa-opt: error: pass 'map': option 'qk' takes one of tmm, btmm, btmv, not 'mm'

// Options in front of the tiles wait for them; what they name is checked when it is read.
//
// RUN: fa-opt %s --map="qk=btmm pv=mm unroll-rows=4" | filecheck %s --check-prefix WAITS
// RUN: fa-opt %s --map="qk=btmm pv=mm unroll-rows=4" --tile --fuse --map="sums=reduce" | filecheck %s --check-prefix TAKEN
// RUN: fa-opt %s --map="qk=btmm" | sed "s/btmm/xyz/" | not fa-opt - --tile --fuse --map 2>&1 | filecheck %s --check-prefix WRITTEN
// RUN: echo "module {}" | not fa-opt - --map="qk=btmm" 2>&1 | filecheck %s --check-prefix NOTHING
// WAITS: attributes {fa.mapping = {qk = "btmm", pv = "mm", unroll_rows = 4 : i64}}
// WAITS: fa.attention
// TAKEN: attributes {fa.mapping = {qk = "btmm", pv = "mm", unroll_rows = 4 : i64, sums = "reduce"}, fa.mapped, fa.unroll_rows = 4 : i64}
// TAKEN: fa.scores {{.*}} {family = #fa.family<btmm>
// TAKEN: fa.matmul {{.*}} {family = #fa.family<mm>}
// WRITTEN: error: {{.*}}fa.mapping: qk must be one of "tmm", "btmm", "btmv", got "xyz"
// NOTHING: error: there is nothing to map: no attention, and no products of tiles

// P with four rows in the lanes of one: a constant tile, four times the unit matrix, packs them, and P V takes them so.
// The host makes the unit matrix from one number, as rows of 65.
//
// PACKED:       %[[ONE:.*]] = arith.constant dense<4.000000e+00> : tensor<1x1xbf16>
// PACKED-NEXT:  %[[LINE:.*]] = fa.pad %[[ONE]] : tensor<1x1xbf16> -> tensor<1x65xbf16>
// PACKED-NEXT:  %[[LINES:.*]] = fa.broadcast %[[LINE]] : tensor<1x65xbf16> -> tensor<64x65xbf16>
// PACKED-NEXT:  %[[FLAT:.*]] = fa.reshape %[[LINES]] : tensor<64x65xbf16> -> tensor<1x4160xbf16>
// PACKED-NEXT:  %[[CUT:.*]] = fa.crop %[[FLAT]] {start = array<i64: 0, 0>} : tensor<1x4160xbf16> -> tensor<1x4096xbf16>
// PACKED-NEXT:  %unit = fa.reshape %[[CUT]] : tensor<1x4096xbf16> -> tensor<64x64xbf16>
// PACKED:       %[[TILE:.*]] = fa.load %unit[%{{.*}}, %{{.*}}] : tensor<64x64xbf16> -> !fa.tile<64x64xbf16, matrix>
// PACKED:       %[[P:.*]], %{{.*}}, %{{.*}}, %{{.*}} = fa.online_softmax %{{.*}} ones %{{.*}}
// PACKED:       %[[PACKED:.*]] = fa.repack %[[P]] by %[[TILE]] : !fa.tile<64x128xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x128xbf16, vector packed 4>
// PACKED-NEXT:  %{{.*}} = fa.matmul %[[PACKED]], %{{.*}} {family = #fa.family<btmv>} : !fa.tile<64x128xbf16, vector packed 4>, !fa.tile<64x128xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
