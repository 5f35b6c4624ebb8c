// RUN: fa-opt %s --allocate-registers --verify-registers -t plena-asm | filecheck %s --match-full-lines --strict-whitespace
// RUN: fa-opt %s --allocate-registers -t plena-mem | filecheck %s --check-prefix=MEM

plena.kernel @k {
  %zero = plena.get_register : !plena.gp<gp0>
  %f0 = plena.get_register : !plena.fp<f0>
  %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %end, %sum = plena.loop 16 (%i : !plena.gp, %row = %start : !plena.gp, %s = %f0 : !plena.fp<f0> to !plena.fp) {
    plena.loop 4 (%j : !plena.gp) {
      plena.m_mm %row, %zero : (!plena.gp, !plena.gp<gp0>) -> ()
      plena.yield %j : !plena.gp
    }
    %t = plena.v_red_sum %s, %row, 0 : (!plena.fp, !plena.gp) -> !plena.fp
    %next = plena.s_addi_int %row, 64 : (!plena.gp) -> !plena.gp
    plena.yield %i, %next, %t : !plena.gp, !plena.gp, !plena.fp
  }
  plena.s_st_fp %sum, %end, 1 : (!plena.fp, !plena.gp) -> ()
}

//      CHECK:S_ADDI_INT gp1, gp0, 64
// CHECK-NEXT:S_MAX_FP f1, f0, f0
// CHECK-NEXT:C_LOOP_START gp2, 16
// CHECK-NEXT:  C_LOOP_START gp3, 4
// CHECK-NEXT:    M_MM 0, gp1, gp0
// CHECK-NEXT:  C_LOOP_END gp3
// CHECK-NEXT:  V_RED_SUM f1, gp1
// CHECK-NEXT:  S_ADDI_INT gp1, gp1, 64
// CHECK-NEXT:C_LOOP_END gp2
// CHECK-NEXT:S_ST_FP f1, gp1, 1

// MEM:      0x00100062
// MEM-NEXT: 0x00000059
// MEM-NEXT: 0x000040AF
// MEM-COUNT-7: 0x
