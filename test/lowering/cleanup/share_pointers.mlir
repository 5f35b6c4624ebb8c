// RUN: fa-opt %s --share-pointers | filecheck %s
// RUN: fa-opt %s --share-pointers --fold-offsets | filecheck %s --check-prefix=FOLDED

// %q stays 4096 above %p; only M_MM_WO reads it, which adds by itself. %r has another step.

// CHECK-LABEL: plena.kernel @panels
// FOLDED-LABEL: plena.kernel @panels
plena.kernel @panels {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 1024 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.s_addi_int %zero, 5120 : (!plena.gp<gp0>) -> !plena.gp
  %x, %y, %z = plena.loop 16 (%i : !plena.gp, %q = %b : !plena.gp, %p = %a : !plena.gp, %r = %a : !plena.gp) {
    plena.m_mm %r, %r : (!plena.gp, !plena.gp) -> ()
    plena.m_mm_wo %p, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
    plena.m_mm %r, %r : (!plena.gp, !plena.gp) -> ()
    plena.m_mm_wo %q, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
    %p1 = plena.s_addi_int %p, 4 : (!plena.gp) -> !plena.gp
    %q1 = plena.s_addi_int %q, 4 : (!plena.gp) -> !plena.gp
    %r1 = plena.s_addi_int %r, 256 : (!plena.gp) -> !plena.gp
    plena.yield %i, %q1, %p1, %r1 : !plena.gp, !plena.gp, !plena.gp, !plena.gp
  }
  plena.v_exp_v %x, %x, 0 : (!plena.gp, !plena.gp) -> ()
}
// CHECK:      [[P:%.*]], %{{.*}} = plena.loop 16 ([[I:%.*]] : !plena.gp, [[P_:%.*]] = [[A:%.*]] : !plena.gp, [[R:%.*]] = [[A]] : !plena.gp) {
// CHECK:        plena.m_mm_wo [[P_]], %{{.*}}, 0
// CHECK:        [[Q:%.*]] = plena.s_addi_int [[P_]], 4096
// CHECK-NEXT:   plena.m_mm_wo [[Q]], %{{.*}}, 0
// CHECK:      }
// CHECK-NEXT: [[X:%.*]] = plena.s_addi_int [[P]], 4096
// CHECK-NEXT: plena.v_exp_v [[X]], [[X]], 0

// FOLDED:       plena.m_mm_wo [[P:%.*]], %{{.*}}, 0
// FOLDED-NEXT:  plena.m_mm [[R:%.*]], [[R]]
// FOLDED-NEXT:  plena.m_mm_wo [[P]], %{{.*}}, 4096
// FOLDED-NEXT:  [[P1:%.*]] = plena.s_addi_int [[P]], 4
// FOLDED-NEXT:  [[R1:%.*]] = plena.s_addi_int [[R]], 256
