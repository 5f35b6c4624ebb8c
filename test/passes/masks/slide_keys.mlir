// RUN: fa-opt %s --tile="kv-tile=64" --fuse | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse --slide-keys --cse --canonicalize | filecheck %s
// RUN: fa-opt %s --tile="kv-tile=64" --fuse --slide-keys --specialize-masks --cse --canonicalize | filecheck %s --check-prefix SETTLED

// 512 queries and keys; a query sees 64 keys before itself: a tile of queries two tiles of keys.
func.func @window(%Q: tensor<1x1x512x64xbf16>, %K: tensor<1x1x512x64xbf16>, %V: tensor<1x1x512x64xbf16>)
    -> tensor<1x1x512x64xbf16> {
  %O = fa.attention %Q, %K, %V {mask = #fa.window<left = 64, right = 0>}
      : tensor<1x1x512x64xbf16>, tensor<1x1x512x64xbf16>, tensor<1x1x512x64xbf16> -> tensor<1x1x512x64xbf16>
  func.return %O : tensor<1x1x512x64xbf16>
}

// BEFORE:       scf.for %row = {{.*}} to %c512{{.*}} step
// BEFORE:         scf.for %key = {{.*}} to %c512{{.*}} step
// BEFORE:           fa.mask %s at[%c0{{.*}}, %c0{{.*}}, %row, %key]

// The first tile sees one tile of keys, each of the others two, from the one before on.
//
// CHECK-LABEL:  @window
// CHECK-SAME:   fa.mask_tiles = [{{.*}}empty = 49 : i64, full = 0 : i64, partial = 15 : i64
// CHECK:        fa.mask %s at[%c0, %c0, %c0, %c0]
// CHECK-NOT:    fa.mask %
// CHECK:        scf.for %period = %c0 to %c7 step %c1 {
// CHECK-NEXT:     %0 = arith.muli %period, %c64 : index
// CHECK-NEXT:     %1 = arith.addi %0, %c64 : index
// CHECK-NEXT:     %q_1 = fa.load %Q[%c0, %c0, %1, %c0]
// CHECK:          scf.for %key = %c0 to %c128 step %c64
// CHECK-NEXT:       %2 = arith.addi %0, %key : index
// CHECK-NEXT:       %k_1 = fa.load %K[%c0, %c0, %2, %c0]
// CHECK:            fa.mask %s_1 at[%c0, %c0, %1, %2]
// CHECK:            %v_1 = fa.load %V[%c0, %c0, %2, %c0]
// CHECK:          fa.store %o_1, %output[%c0, %c0, %1, %c0]

// Every iteration has the same two masks: they stand where they stand in the first one.
//
// SETTLED-LABEL: @window
// SETTLED:       scf.for %period = %c0 to %c7 step %c1 {
// SETTLED:         fa.load %K[%c0, %c0, %0, %c0]
// SETTLED:         fa.mask {{.*}} at[%c0, %c0, %c64, %c0]
// SETTLED:         fa.load %K[%c0, %c0, %2, %c0]
// SETTLED:         fa.mask {{.*}} at[%c0, %c0, %c64, %c64]
// SETTLED-NOT:     fa.mask %
