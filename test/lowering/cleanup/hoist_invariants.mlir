// RUN: fa-opt %s --hoist-invariants | filecheck %s

// Before both loops: a constant, an entry of FP_MEM that the loops do not write, arithmetic on it.
// In the loop: an entry that it writes, and the init of an inner loop, which the inner loop
// overwrites, so that it would have to be copied.

// CHECK-LABEL: plena.kernel @nest
plena.kernel @nest {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.loop 8 (%i : !plena.gp) {
    %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
    %end = plena.loop 4 (%j : !plena.gp, %p = %start : !plena.gp) {
      %lanes = plena.s_addi_int %zero, 16 : (!plena.gp<gp0>) -> !plena.gp
      plena.v_shft_v %p, %p, %lanes : (!plena.gp, !plena.gp, !plena.gp) -> ()
      %x = plena.s_ld_fp %zero, 300 : (!plena.gp<gp0>) -> !plena.fp
      %y = plena.s_exp_fp %x : (!plena.fp) -> !plena.fp
      plena.s_st_fp %y, %p, 0 : (!plena.fp, !plena.gp) -> ()
      %z = plena.s_ld_fp %zero, 128 : (!plena.gp<gp0>) -> !plena.fp
      plena.v_add_vf %p, %p, %z, 0 : (!plena.gp, !plena.gp, !plena.fp) -> ()
      %p1 = plena.s_addi_int %p, 64 : (!plena.gp) -> !plena.gp
      plena.yield %j, %p1 : !plena.gp, !plena.gp
    }
    plena.yield %i : !plena.gp
  }
}
// CHECK:      [[LANES:%.*]] = plena.s_addi_int %{{.*}}, 16
// CHECK-NEXT: [[X:%.*]] = plena.s_ld_fp %{{.*}}, 300
// CHECK-NEXT: [[Y:%.*]] = plena.s_exp_fp [[X]]
// CHECK-NEXT: plena.loop 8
// CHECK-NEXT:   [[START:%.*]] = plena.s_addi_int %{{.*}}, 64
// CHECK-NEXT:   plena.loop 4
// CHECK-NEXT:     plena.v_shft_v [[P:%.*]], [[P]], [[LANES]]
// CHECK-NEXT:     plena.s_st_fp [[Y]], [[P]], 0
// CHECK-NEXT:     [[Z:%.*]] = plena.s_ld_fp %{{.*}}, 128

// Six of the seven float registers are taken throughout the loop: what is loaded in it stays.

// CHECK-LABEL: plena.kernel @full
plena.kernel @full {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp
  %b = plena.s_ld_fp %zero, 1 : (!plena.gp<gp0>) -> !plena.fp
  %c = plena.s_ld_fp %zero, 2 : (!plena.gp<gp0>) -> !plena.fp
  %d = plena.s_ld_fp %zero, 3 : (!plena.gp<gp0>) -> !plena.fp
  %e = plena.s_ld_fp %zero, 4 : (!plena.gp<gp0>) -> !plena.fp
  %f = plena.s_ld_fp %zero, 5 : (!plena.gp<gp0>) -> !plena.fp
  plena.loop 8 (%i : !plena.gp) {
    %x = plena.s_ld_fp %zero, 6 : (!plena.gp<gp0>) -> !plena.fp
    plena.v_add_vf %zero, %zero, %x, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
    plena.yield %i : !plena.gp
  }
  plena.v_add_vf %zero, %zero, %a, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  plena.v_add_vf %zero, %zero, %b, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  plena.v_add_vf %zero, %zero, %c, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  plena.v_add_vf %zero, %zero, %d, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  plena.v_add_vf %zero, %zero, %e, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
  plena.v_add_vf %zero, %zero, %f, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.fp) -> ()
}
// CHECK:      plena.loop 8
// CHECK-NEXT:   [[X:%.*]] = plena.s_ld_fp %{{.*}}, 6
