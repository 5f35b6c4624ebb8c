// RUN: fa-opt %s --outline-attention | filecheck %s
// RUN: fa-opt %s --outline-attention="share=true" | filecheck %s --check-prefix=SHARE
// RUN: fa-opt %s --outline-attention --fa-to-plena | filecheck %s --check-prefix=LOWERED
// RUN: xdsl-opt %s -p fa-outline-attention,fa-to-plena | filecheck %s --check-prefix=LOWERED
// RUN: fa-opt %s --outline-attention --fa-to-plena -t plena-asm{kernel=model_attention_1} | filecheck %s --check-prefix=ASM
// RUN: not fa-opt %s --outline-attention --fa-to-plena -t plena-asm 2>&1 | filecheck %s --check-prefix=WHICH
// RUN: not fa-opt %s --outline-attention --fa-to-plena -t plena-mem{kernel=other} 2>&1 | filecheck %s --check-prefix=OTHER

// Two attentions, one fed by the other, in a function that calls one with a third; linalg in front,
// arith behind. The transpose goes into the kernels, a tensor that is an argument twice is one.

// CHECK:      func.func private @project([[X:%.*]]: tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xbf16> {
// CHECK:      linalg.generic
// CHECK:      fa.launch @project_attention([[Q:%.*]]) : (tensor<1x2x16x16xbf16>) -> tensor<1x2x16x16xbf16>
// CHECK:      func.func private @project_attention([[Q:%.*]]: tensor<1x2x16x16xbf16>) -> tensor<1x2x16x16xbf16> attributes {fa.kernel} {
// CHECK-NEXT:   [[O:%.*]] = fa.attention [[Q]], [[Q]], [[Q]] {mask = #fa.causal}
// CHECK-NEXT:   func.return [[O]]
// CHECK:      func.func @model([[X:%.*]]: tensor<1x2x16x16xf32>, [[K:%.*]]: tensor<1x16x2x16xbf16>)
// CHECK-NEXT:   [[P:%.*]] = func.call @project([[X]])
// CHECK-NEXT:   [[A:%.*]] = fa.launch @model_attention_0([[P]], [[K]]) : (tensor<1x2x16x16xbf16>, tensor<1x16x2x16xbf16>)
// CHECK-NEXT:   [[B:%.*]] = fa.launch @model_attention_1([[A]], [[K]])
// CHECK-NEXT:   [[C:%.*]] = arith.addf [[A]], [[B]]
// CHECK-NEXT:   func.return [[C]]
// CHECK:      func.func private @model_attention_0([[Q:%.*]]: tensor<1x2x16x16xbf16>, [[K:%.*]]: tensor<1x16x2x16xbf16>) -> tensor<1x2x16x16xbf16> attributes {fa.kernel} {
// CHECK-NEXT:   [[T:%.*]] = fa.transpose [[K]]
// CHECK-NEXT:   fa.attention [[Q]], [[T]], [[T]]
// CHECK:      func.func private @model_attention_1(
// CHECK-NEXT:   fa.transpose
// CHECK-NEXT:   fa.attention

// SHARE:     fa.launch @model_attention_0
// SHARE:     fa.launch @model_attention_0
// SHARE-NOT: @model_attention_1

// LOWERED:     linalg.generic
// LOWERED:     fa.launch @project_attention
// LOWERED:     plena.kernel @project_attention attributes {fa.kernel,
// LOWERED:     fa.launch @model_attention_1
// LOWERED:     arith.addf
// LOWERED:     plena.kernel @model_attention_0 attributes {fa.kernel,
// LOWERED:     plena.kernel @model_attention_1 attributes {fa.kernel,

// ASM-NOT: func.func
// ASM:     H_STORE_V

// WHICH: error: a program is one plena.kernel, and this is a second one; say which, as in plena-asm{kernel=NAME}, of project_attention, model_attention_0, model_attention_1
// OTHER: error: there is no kernel other; there are project_attention, model_attention_0, model_attention_1

func.func private @project(%x: tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xbf16> {
  %empty = tensor.empty() : tensor<1x2x16x16xbf16>
  %low = linalg.generic {
      indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]
    } ins(%x : tensor<1x2x16x16xf32>) outs(%empty : tensor<1x2x16x16xbf16>) {
  ^bb0(%e: f32, %o: bf16):
    %t = arith.truncf %e : f32 to bf16
    linalg.yield %t : bf16
  } -> tensor<1x2x16x16xbf16>
  %o = fa.attention %low, %low, %low {mask = #fa.causal}
      : tensor<1x2x16x16xbf16>, tensor<1x2x16x16xbf16>, tensor<1x2x16x16xbf16> -> tensor<1x2x16x16xbf16>
  func.return %o : tensor<1x2x16x16xbf16>
}

func.func @model(%x: tensor<1x2x16x16xf32>, %k: tensor<1x16x2x16xbf16>) -> tensor<1x2x16x16xbf16> {
  %q = func.call @project(%x) : (tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xbf16>
  %kt = fa.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : tensor<1x16x2x16xbf16> -> tensor<1x2x16x16xbf16>
  %a = fa.attention %q, %kt, %kt
      : tensor<1x2x16x16xbf16>, tensor<1x2x16x16xbf16>, tensor<1x2x16x16xbf16> -> tensor<1x2x16x16xbf16>
  %b = fa.attention %a, %kt, %kt
      : tensor<1x2x16x16xbf16>, tensor<1x2x16x16xbf16>, tensor<1x2x16x16xbf16> -> tensor<1x2x16x16xbf16>
  %c = arith.addf %a, %b : tensor<1x2x16x16xbf16>
  func.return %c : tensor<1x2x16x16xbf16>
}
