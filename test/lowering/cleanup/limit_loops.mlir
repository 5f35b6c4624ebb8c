// RUN: fa-opt %s --limit-loops="max-instructions=4" | filecheck %s
// RUN: not fa-opt %s --limit-loops="max-instructions=0" 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not fa-opt %s --allocate-registers="int-slots=-1" 2>&1 | filecheck %s --check-prefix=SLOTS
// RUN: fa-opt %s --limit-loops="max-instructions=10" | filecheck %s --check-prefix=ENOUGH

// One iteration of the outer loop executes 10 instructions, one of the inner loop 4.

// NONE: error: max-instructions must be at least 1, got 0{{$}}
// SLOTS: error: int-slots must be at least 0, got -1{{$}}

// ENOUGH-NOT: unrolled_loops
// ENOUGH: plena.loop 2

// CHECK: plena.kernel @nest attributes {plena.unrolled_loops = [{iterations = 2 : i64, instructions = 10 : i64}]} {
plena.kernel @nest {
  %zero = plena.get_register : !plena.gp<gp0>
  %start = plena.s_addi_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp
  %end = plena.loop 2 (%i : !plena.gp, %p = %start : !plena.gp) {
    %q = plena.loop 2 (%j : !plena.gp, %r = %p : !plena.gp) {
      %s = plena.s_add_int %r, %i : (!plena.gp, !plena.gp) -> !plena.gp
      plena.v_exp_v %s, %s, 0 : (!plena.gp, !plena.gp) -> ()
      %t = plena.s_addi_int %s, 1 : (!plena.gp) -> !plena.gp
      plena.yield %j, %t : !plena.gp, !plena.gp
    }
    plena.yield %i, %q : !plena.gp, !plena.gp
  }
  plena.v_exp_v %end, %end, 0 : (!plena.gp, !plena.gp) -> ()
}
// CHECK:      [[I:%.*]] = plena.s_addi_int [[ZERO:%.*]], 2
// CHECK-NEXT: [[Q:%.*]] = plena.loop 2 ([[J:%.*]] : !plena.gp, [[R:%.*]] = [[START:%.*]] : !plena.gp) {
// CHECK-NEXT:   plena.s_add_int [[R]], [[I]]
// CHECK:      [[I_:%.*]] = plena.s_addi_int [[ZERO]], 1
// CHECK-NEXT: [[Q_:%.*]] = plena.loop 2 (%{{.*}} : !plena.gp, [[R_:%.*]] = [[Q]] : !plena.gp) {
// CHECK-NEXT:   plena.s_add_int [[R_]], [[I_]]
// CHECK:      plena.v_exp_v [[Q_]], [[Q_]], 0
