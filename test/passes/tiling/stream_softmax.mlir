// RUN: fa-opt %s --tile | filecheck %s --check-prefix BEFORE
// RUN: fa-opt %s --tile --stream-softmax="columns=64" | filecheck %s
// RUN: fa-opt %s --tile --stream-softmax | filecheck %s --check-prefix BEFORE

// One head, 64 queries, 128 keys, probabilities as a result beside the output.
func.func @f(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x128x64xbf16>, %v: tensor<1x1x128x64xbf16>)
    -> (tensor<1x1x64x64xbf16>, tensor<1x1x64x128xbf16>) {
  %o, %p = fa.attention %q, %k, %v {mask = #fa.causal, qk = "softmax"}
      : tensor<1x1x64x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>
      -> tensor<1x1x64x64xbf16>, tensor<1x1x64x128xbf16>
  func.return %o, %p : tensor<1x1x64x64xbf16>, tensor<1x1x64x128xbf16>
}

// What fits stays.
// BEFORE:      fa.mask {{.+}} : !fa.tile<64x128xbf16, vector> ->
// BEFORE-NEXT: fa.softmax {{.+}} : !fa.tile<64x128xbf16, vector> ->
// BEFORE-NEXT: fa.store
// BEFORE-NEXT: fa.store

// The statistics first, then the probabilities with the scores loaded again.
// CHECK:       %[[M:.+]], %[[L:.+]] = scf.for %[[N:.+]] = %{{.+}} to %c128{{.*}} step %c64{{.*}} iter_args
// CHECK-NEXT:    %[[S:.+]] = fa.load %[[SCORES:.+]][%{{.+}}, %[[N]]] : memref<64x128xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:    %[[SEEN:.+]] = fa.mask %[[S]] at[%{{.+}}, %{{.+}}, %{{.+}}, %[[N]]]
// CHECK-NEXT:    fa.online_softmax %[[SEEN]]
// CHECK:       scf.for %[[C:.+]] =
// CHECK-NEXT:    %[[T:.+]] = fa.load %[[SCORES]][%{{.+}}, %[[C]]] : memref<64x128xbf16, #fa.hbm> -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:    %[[MASKED:.+]] = fa.mask %[[T]] at[%{{.+}}, %{{.+}}, %{{.+}}, %[[C]]]
// CHECK-NEXT:    %[[P:.+]] = fa.probabilities %[[MASKED]], %[[M]], %[[L]] : !fa.tile<64x64xbf16, vector>, !fa.tile<64xf32, scalar>, !fa.tile<64xf32, scalar> -> !fa.tile<64x64xbf16, vector>
// CHECK-NEXT:    fa.store %[[P]], %{{.+}}[%{{.+}}, %[[C]]]
// CHECK-NEXT:    fa.store %[[P]], %{{.+}}[%{{.+}}, %{{.+}}, %{{.+}}, %[[C]]]
// CHECK-NOT:   fa.softmax
