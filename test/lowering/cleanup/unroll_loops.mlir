// RUN: fa-opt %s --unroll-loops | filecheck %s
// RUN: fa-opt %s --unroll-loops --fold-offsets | filecheck %s --check-prefix=FOLDED
// RUN: fa-opt %s --unroll-loops="growth=0" | filecheck %s --check-prefix=NONE
// RUN: fa-opt %s --unroll-loops="factor=4 body=8" | filecheck %s --check-prefix=FACTOR

// 104 iterations: 8 divides them. Unrolled to the end they would be too much text.

// CHECK-LABEL: plena.kernel @rows
// FOLDED-LABEL: plena.kernel @rows
// NONE-LABEL: plena.kernel @rows
// FACTOR-LABEL: plena.kernel @rows
plena.kernel @rows {
  %zero = plena.get_register : !plena.gp<gp0>
  %f0 = plena.get_register : !plena.fp<f0>
  %end = plena.loop 104 (%i : !plena.gp, %row = %zero : !plena.gp<gp0> to !plena.gp) {
    plena.s_st_fp %f0, %row, 52 : (!plena.fp<f0>, !plena.gp) -> ()
    %next = plena.s_addi_int %row, 1 : (!plena.gp) -> !plena.gp
    plena.yield %i, %next : !plena.gp, !plena.gp
  }
}
// CHECK:       plena.loop 13 (
// CHECK-COUNT-8: plena.s_st_fp %{{.*}}, %{{.*}}, 52
// CHECK-NEXT:    plena.s_addi_int
// CHECK-NEXT:    plena.yield

// FOLDED:      plena.loop 13 ([[I:%.*]] : !plena.gp, [[ROW:%.*]] =
// FOLDED-NEXT:   plena.s_st_fp %{{.*}}, [[ROW]], 52
// FOLDED-NEXT:   plena.s_st_fp %{{.*}}, [[ROW]], 53
// FOLDED:        plena.s_st_fp %{{.*}}, [[ROW]], 59
// FOLDED-NEXT:   plena.s_addi_int [[ROW]], 8
// FOLDED-NEXT:   plena.yield

// NONE: plena.loop 104
// FACTOR: plena.loop 26

// Few iterations go altogether; here the counter is read, so nothing else would do.

// CHECK-LABEL: plena.kernel @counted
plena.kernel @counted {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.loop 3 (%i : !plena.gp) {
    plena.v_shft_v %zero, %zero, %i : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
// CHECK-NOT:  plena.loop
// CHECK:      [[THREE:%.*]] = plena.s_addi_int %{{.*}}, 3
// CHECK-NEXT: plena.v_shft_v %{{.*}}, %{{.*}}, [[THREE]]
// CHECK-NEXT: [[TWO:%.*]] = plena.s_addi_int %{{.*}}, 2
// CHECK-NEXT: plena.v_shft_v %{{.*}}, %{{.*}}, [[TWO]]
// CHECK-NEXT: [[ONE:%.*]] = plena.s_addi_int %{{.*}}, 1
// CHECK-NEXT: plena.v_shft_v %{{.*}}, %{{.*}}, [[ONE]]

// What counts at run time stays a loop, however few iterations it can have.

// CHECK-LABEL: plena.kernel @at_run_time
plena.kernel @at_run_time {
  %zero = plena.get_register : !plena.gp<gp0>
  %end = plena.loop max 2 (%i : !plena.gp, %left = %zero : !plena.gp<gp0> to !plena.gp) {
    plena.v_shft_v %zero, %zero, %left : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.gp) -> ()
    %next = plena.s_ld_int %left, 1 : (!plena.gp) -> !plena.gp
    plena.yield %next, %next : !plena.gp, !plena.gp
  }
}
// CHECK: plena.loop max 2
