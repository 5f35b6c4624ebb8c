// Remarks stand where the text announces them, and only those that match are printed.

// RUN: fa-opt --fa-to-plena --remarks='^(fuse|map|specialize-masks):|InVaLiD' --verify-diagnostics %s 2>&1 >/dev/null | filecheck %s --check-prefix=SHOWN
// RUN: fa-opt --tile --fuse --map --remarks=fuse --remarks-yaml %t.yaml %s 2>&1 >/dev/null | filecheck %s --check-prefix=FUSE
// RUN: filecheck %s --input-file %t.yaml --check-prefix=YAML
// RUN: fa-compile %s -o %t.dir --remarks='search|cost' 2>&1 | filecheck %s --check-prefix=COMPILE
// RUN: not fa-opt --remarks='(' %s 2>&1 | filecheck %s --check-prefix=REGEX
// RUN: not fa-opt --remarks-yaml /dev/null/x %s 2>&1 | filecheck %s --check-prefix=FILE

// SHOWN: remarks.mlir:{{[0-9]+}}:8: remark: fuse: scores, softmax and values are one nest; no scores go to HBM [passed]
// SHOWN-NOT: allocate-registers

// FUSE: {{^}}{{.*}}remarks.mlir:{{[0-9]+}}:8: remark: fuse: {{.*}} [passed]{{$}}
// FUSE-NOT: remark: map

// YAML: --- !Passed
// YAML-NEXT: Pass:            "fuse"
// YAML-NEXT: Name:            Fused
// YAML-NEXT: DebugLoc:        { File: "{{.*}}remarks.mlir", Line: {{[0-9]+}}, Column: 8 }
// YAML-NEXT: Function:        "f"
// YAML-NEXT: Args:
// YAML-NEXT: - String:          "scores, softmax and values are one nest; no scores go to HBM"
// YAML-NEXT: ...
// YAML-NOT: ---

// COMPILE: remark: search: mapping chosen by the cost of the programs: qk={{.*}} predicted, {{[0-9,]+}} counted [passed]
// COMPILE: remark: search: not chosen: qk={{.*}} predicted{{.*}} [analysis]
// COMPILE: remark: search: not possible: qk={{.*}} [missed]
// COMPILE: remark: cost: {{[0-9,]+}} of {{[0-9,]+}} rtl cycles wait for HBM transfers, {{[0-9.]+}} % that nothing else covers [missed]

// REGEX: {{^}}fa-opt: error: argument --remarks: '(' is no regular expression: missing ), unterminated subpattern at position 0{{$}}
// FILE: {{^}}fa-opt: error: cannot write '/dev/null/x': '/dev/null' is no directory{{$}}

func.func @f(%q: tensor<1x1x128x64xbf16>, %k: tensor<1x1x128x64xbf16>, %v: tensor<1x1x128x64xbf16>) -> tensor<1x1x128x64xbf16> {
  // expected-remark @+5 {{of 2 tiles of scores (64x128) 0 are empty, 0 full and 2 partial}}
  // expected-remark @+4 {{fuse: scores, softmax and values are one nest}}
  // expected-remark @+3 {{map: Q K^T by}}
  // expected-remark @+2 {{map: P V by}}
  // expected-remark @+1 {{map: four rows of P share lanes}}
  %o = fa.attention %q, %k, %v {mask = #fa.causal} : tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16> -> tensor<1x1x128x64xbf16>
  func.return %o : tensor<1x1x128x64xbf16>
}
