// RUN: fa-opt %s --tile="kv-tile=64" --fuse | filecheck %s
// RUN: fa-opt %s --tile="kv-tile=64" | filecheck %s --check-prefix=WHOLE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse --quantize --allocate-sram --emit-instructions | filecheck %s --check-prefix=LOOP
// RUN: not fa-opt %s --tile="kv-tile=64" --fuse="split-kv=2" 2>&1 | filecheck %s --check-prefix=SPLIT

// Lengths at run time: the loop over keys ends where they say, and each tile is limited to them. Standard
// attention limits whole rows. A masked row may see nothing, because a length may be 0.

// SPLIT: lengths.mlir:[[#]]:8: error: keys whose number is known at run time only are visited one tile after another: lengths go with order=queries and split-kv=1

// CHECK:      scf.for %batch
// CHECK-NEXT:   [[LENGTH:%.*]] = fa.length %n[%batch] {most = 200 : i64, granule = 1 : i64} : tensor<2xi32>
// CHECK:        [[END:%.*]] = fa.length %n[%batch] {most = 200 : i64, granule = 64 : i64} : tensor<2xi32>
// CHECK-NEXT:   scf.for %key = %c0 to [[END]] step %c64
// CHECK:          [[S:%.*]] = fa.scores
// CHECK-NEXT:     [[L:%.*]] = fa.limit [[S]] from %key to [[LENGTH]]
// CHECK:          fa.online_softmax [[L]]
// CHECK-SAME:       empty_rows

// WHOLE:      scf.for %key = %c0 to %c256 step %c64
// WHOLE:      fa.limit {{.*}} from %c0 to %length : !fa.tile<4x256xbf16, vector>

// The end lies behind the lengths, an entry for each batch. What is left of the keys says whether the
// loop goes on, and how far a tile's limit is shifted.

// LOOP:       plena.kernel @f attributes {plena.int_mem_used = 4 : i64
// LOOP:       plena.loop 2 ([[BATCH:%.*]] : !plena.gp
// LOOP:         plena.loop max 4 ([[I:%.*]] : !plena.gp, [[DONE:%.*]] = {{.*}} : !plena.gp<gp0> to !plena.gp) {
// LOOP:           [[N:%.*]] = plena.s_ld_int {{.*}}, 0 :
// LOOP:           [[LEFT:%.*]] = plena.s_sub_int [[N]], [[DONE]]
// LOOP:           plena.v_shft_v {{.*}}, {{.*}}, [[LEFT]]
// LOOP:           [[NEXT:%.*]] = plena.s_addi_int [[DONE]], 64
// LOOP:           [[END:%.*]] = plena.s_ld_int {{.*}}, 2 :
// LOOP:           [[MORE:%.*]] = plena.s_sub_int [[END]], [[NEXT]]
// LOOP-NEXT:      plena.yield [[MORE]], [[NEXT]]

func.func @f(%q: tensor<2x1x1x64xbf16>, %k: tensor<2x1x200x64xbf16>, %v: tensor<2x1x200x64xbf16>, %n: tensor<2xi32>) -> tensor<2x1x1x64xbf16> {
  %o = fa.attention %q, %k, %v lengths(%n) : tensor<2x1x1x64xbf16>, tensor<2x1x200x64xbf16>, tensor<2x1x200x64xbf16>, tensor<2xi32> -> tensor<2x1x1x64xbf16>
  func.return %o : tensor<2x1x1x64xbf16>
}
