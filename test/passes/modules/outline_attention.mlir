// RUN: fa-opt %s --outline-attention | filecheck %s
// RUN: ! fa-opt %s --outline-attention="scope=rooms" 2>&1 | filecheck %s --check-prefix SCOPE

// Two attentions in one function, the second on what the first gives: each is a kernel of its own, and in its place
// stands a launch. What is around them stays in the function.

func.func @model(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %a = fa.attention %q, %k, %v : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  %b = arith.addf %a, %q : tensor<1x1x64x64xbf16>
  %c = fa.attention %b, %k, %v {mask = #fa.causal} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %c : tensor<1x1x64x64xbf16>
}

// CHECK:       func.func @model(%[[Q:.*]]: tensor<1x1x64x64xbf16>, %[[K:.*]]: tensor<1x1x64x64xbf16>, %[[V:.*]]: tensor<1x1x64x64xbf16>)
// CHECK-NEXT:    %[[A:.*]] = fa.launch @[[ONE:.*]](%[[Q]], %[[K]], %[[V]])
// CHECK-NEXT:    %[[B:.*]] = arith.addf %[[A]], %[[Q]]
// CHECK-NEXT:    %[[C:.*]] = fa.launch @[[OTHER:.*]](%[[B]], %[[K]], %[[V]])
// CHECK-NEXT:    func.return %[[C]]
// CHECK:       func.func private @{{.*}} attributes {fa.kernel} {
// CHECK-NEXT:    %[[O:.*]] = fa.attention
// CHECK-NEXT:    func.return %[[O]]
// CHECK:       func.func private @{{.*}} attributes {fa.kernel} {
// CHECK-NEXT:    %[[O2:.*]] = fa.attention {{.*}} {mask = #fa.causal}
// CHECK-NEXT:    func.return %[[O2]]

// SCOPE: error: pass 'outline-attention': option 'scope' takes one of attention, layer, not 'rooms'
