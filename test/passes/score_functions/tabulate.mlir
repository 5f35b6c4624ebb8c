// RUN: fa-opt %s --tile --fuse | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile --fuse --tabulate | filecheck %s
// RUN: fa-opt %s --tile --fuse --tabulate --quantize --allocate-sram --lower-to-isa -t plena-asm | filecheck %s --check-prefix ASM

// Two heads, 128 queries and keys. A slope for each head times the distance is added, and of keys
// that come later nothing is seen.
func.func @f(%q: tensor<1x2x128x64xbf16>, %k: tensor<1x2x128x64xbf16>, %v: tensor<1x2x128x64xbf16>)
    -> tensor<1x2x128x64xbf16> {
  %o = fa.attention %q, %k, %v score_mod {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %distance = arith.subi %j, %i : index
    %whole = arith.index_cast %distance : index to i64
    %apart = arith.sitofp %whole : i64 to f32
    %head = arith.index_cast %h : index to i64
    %number = arith.sitofp %head : i64 to f32
    %slope = math.exp %number : f32
    %bias = arith.mulf %slope, %apart : f32
    %y = arith.addf %x, %bias : f32
    %none = arith.constant 0xff800000 : f32
    %sees = arith.cmpi sle, %j, %i : index
    %z = arith.select %sees, %y, %none : f32
    fa.yield %z : f32
  } : tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16> -> tensor<1x2x128x64xbf16>
  func.return %o : tensor<1x2x128x64xbf16>
}

// BEFORE:     fa.map %{{.+}} at[%{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}] {
// BEFORE:       arith.subi
// BEFORE:       arith.select

// A number for each head; a band of the height of a tile for each function of the distance.
// CHECK:      %[[SEES:.+]] = arith.constant dense<{{.+}}> : tensor<1x1x64x256xf32>
// CHECK:      %[[APART:.+]] = arith.constant dense<{{.+}}> : tensor<1x1x64x256xf32>
// CHECK:      %[[SLOPES:.+]] = fa.broadcast %{{.+}} : tensor<1x2x1x1xf32> -> tensor<1x2x4x64xf32>
// CHECK:      scf.for %[[HEAD:.+]] = %{{.+}} to %c2 step %c1 {
// CHECK:        %[[SLOPE:.+]] = fa.load %[[SLOPES]][%{{.+}}, %[[HEAD]], %{{.+}}, %{{.+}}] : tensor<1x2x4x64xf32> -> !fa.tile<4x64xbf16, vector>
// CHECK:        scf.for %[[ROW:.+]] =
// CHECK:          scf.for %[[KEY:.+]] = {{.+}}iter_args
// CHECK:            %[[S:.+]] = fa.scores
// CHECK:            %[[SUM:.+]] = arith.addi %{{.+}}, %[[KEY]] : index
// CHECK-NEXT:       %[[AT:.+]] = arith.subi %[[SUM]], %[[ROW]] : index
// CHECK-NEXT:       %[[FAR:.+]] = fa.load %[[APART]][%[[Z:.+]], %[[Z]], %[[Z]], %[[AT]]] : tensor<1x1x64x256xf32> -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:       %[[SEEN:.+]] = fa.load %[[SEES]][%[[Z]], %[[Z]], %[[Z]], %[[AT]]] : tensor<1x1x64x256xf32> -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:       fa.map %[[S]] at[%{{.+}}, %[[HEAD]], %[[ROW]], %[[KEY]]] with %[[SLOPE]], %[[FAR]], %[[SEEN]] {
// CHECK-NEXT:       ^{{.+}}(%[[X:.+]]: f32, %{{.+}}: index, %{{.+}}: index, %{{.+}}: index, %{{.+}}: index, %[[A:.+]]: f32, %[[B:.+]]: f32, %[[C:.+]]: f32):
// CHECK-NEXT:         %[[BIAS:.+]] = arith.mulf %[[A]], %[[B]] : f32
// CHECK-NEXT:         %[[Y:.+]] = arith.addf %[[X]], %[[BIAS]] : f32
// CHECK-NEXT:         %[[Z1:.+]] = arith.addf %[[Y]], %[[C]] : f32
// CHECK-NEXT:         fa.yield %[[Z1]] : f32
// CHECK-NEXT:       } : !fa.tile<64x64xbf16, vector> with !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, vector>, !fa.tile<64x64xbf16, vector> -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:       fa.online_softmax {{.+}} {empty_rows}

// One product and two sums for each vector row.
// ASM:        V_MUL_VV
// ASM:        V_ADD_VV
// ASM:        V_ADD_VV
