// RUN: fa-opt %s --forward-stores | filecheck %s

// CHECK-LABEL: plena.kernel @forward
plena.kernel @forward {
  %zero = plena.get_register : !plena.gp<gp0>
  %x = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  %a = plena.s_ld_fp %x, 0 : (!plena.gp) -> !plena.fp
  %b = plena.s_exp_fp %a : (!plena.fp) -> !plena.fp
  plena.s_st_fp %a, %x, 1 : (!plena.fp, !plena.gp) -> ()
  // Overwritten before anyone may read it.
  plena.s_st_fp %a, %x, 2 : (!plena.fp, !plena.gp) -> ()
  plena.s_st_fp %b, %x, 2 : (!plena.fp, !plena.gp) -> ()
  // What was just stored two lines up, and what was loaded at the beginning.
  %c = plena.s_ld_fp %x, 2 : (!plena.gp) -> !plena.fp
  %d = plena.s_ld_fp %x, 0 : (!plena.gp) -> !plena.fp
  %e = plena.s_add_fp %c, %d : (!plena.fp, !plena.fp) -> !plena.fp
  // This may be anywhere, so that what is behind %x is not known any more.
  %y = plena.s_ld_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
  plena.s_st_fp %e, %y, 0 : (!plena.fp, !plena.gp) -> ()
  %f = plena.s_ld_fp %x, 2 : (!plena.gp) -> !plena.fp
  plena.s_st_fp %f, %x, 3 : (!plena.fp, !plena.gp) -> ()
}
// CHECK:      [[A:%.*]] = plena.s_ld_fp [[X:%.*]], 0
// CHECK-NEXT: [[B:%.*]] = plena.s_exp_fp [[A]]
// CHECK-NEXT: plena.s_st_fp [[A]], [[X]], 1
// CHECK-NEXT: plena.s_st_fp [[B]], [[X]], 2
// CHECK-NEXT: [[E:%.*]] = plena.s_add_fp [[B]], [[A]]
// CHECK-NEXT: [[Y:%.*]] = plena.s_ld_int [[ZERO:%.*]], 1
// CHECK-NEXT: plena.s_st_fp [[E]], [[Y]], 0
// CHECK-NEXT: [[F:%.*]] = plena.s_ld_fp [[X]], 2
// CHECK-NEXT: plena.s_st_fp [[F]], [[X]], 3

// The loop writes entries 64 to 79: entry 8 is still known behind it, entry 70 is not. What is
// overwritten by a sum is loaded again, which costs as much as a copy.

// CHECK-LABEL: plena.kernel @past_a_loop
plena.kernel @past_a_loop {
  %zero = plena.get_register : !plena.gp<gp0>
  %near = plena.s_ld_fp %zero, 8 : (!plena.gp<gp0>) -> !plena.fp
  %far = plena.s_ld_fp %zero, 70 : (!plena.gp<gp0>) -> !plena.fp
  %end = plena.loop 16 (%i : !plena.gp, %p = %zero : !plena.gp<gp0> to !plena.gp) {
    plena.s_st_fp %far, %p, 64 : (!plena.fp, !plena.gp) -> ()
    %p1 = plena.s_addi_int %p, 1 : (!plena.gp) -> !plena.gp
    plena.yield %i, %p1 : !plena.gp, !plena.gp
  }
  %near2 = plena.s_ld_fp %zero, 8 : (!plena.gp<gp0>) -> !plena.fp
  %far2 = plena.s_ld_fp %zero, 70 : (!plena.gp<gp0>) -> !plena.fp
  plena.v_add_vf %zero, %zero, %near2, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  plena.v_add_vf %zero, %zero, %far2, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  %near3 = plena.s_ld_fp %zero, 8 : (!plena.gp<gp0>) -> !plena.fp
  %sum = plena.v_red_sum %near3, %zero, 0 : (!plena.fp, !plena.gp<gp0>) -> !plena.fp
  plena.s_st_fp %sum, %zero, 9 : (!plena.fp, !plena.gp<gp0>) -> ()
}
// CHECK:      }
// CHECK-NEXT: [[FAR2:%.*]] = plena.s_ld_fp %{{.*}}, 70
// CHECK-NEXT: plena.v_add_vf %{{.*}}, %{{.*}}, [[NEAR:%.*]], 0
// CHECK-NEXT: plena.v_add_vf %{{.*}}, %{{.*}}, [[FAR2]], 0
// CHECK-NEXT: [[NEAR3:%.*]] = plena.s_ld_fp %{{.*}}, 8
