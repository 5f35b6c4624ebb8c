// RUN: not fa-opt %s --unroll-loops="worth=0" 2>&1 | filecheck %s --check-prefix=WORTH
// RUN: not fa-opt %s --unroll-loops="factor=0" 2>&1 | filecheck %s --check-prefix=FACTOR
// RUN: not fa-opt %s --unroll-loops="body=-1" 2>&1 | filecheck %s --check-prefix=BODY
// RUN: not fa-opt %s --unroll-loops="growth=-1" 2>&1 | filecheck %s --check-prefix=GROWTH
// RUN: fa-opt %s --unroll-loops="factor=1 body=0 growth=0 worth=1" | filecheck %s --check-prefix=LEAST

// Options that are less than they can be are refused, and the least that they can be is not.

// WORTH:  unroll_loops_invalid.mlir:{{[0-9]+}}:1: error: worth must be at least 1, got 0
// FACTOR: unroll_loops_invalid.mlir:{{[0-9]+}}:1: error: factor must be at least 1, got 0
// BODY:   unroll_loops_invalid.mlir:{{[0-9]+}}:1: error: body must be at least 0, got -1
// GROWTH: unroll_loops_invalid.mlir:{{[0-9]+}}:1: error: growth must be at least 0, got -1
// LEAST:  plena.loop 4
plena.kernel @k {
  plena.loop 4 (%i : !plena.gp) {
    plena.v_exp_v %i, %i, 0 : (!plena.gp, !plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
