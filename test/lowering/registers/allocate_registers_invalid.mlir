// RUN: not fa-opt %s --allocate-registers="int-slots=3" 2>&1 | filecheck %s

// CHECK: allocate_registers_invalid.mlir:[[#]]:{{[0-9]+}}: error: spilled integers need 1 entry of INT_MEM; of 3 that the program may use, 3 hold constants, which leaves 0
plena.kernel @k attributes {plena.int_mem_used = 3 : i64} {
  %zero = plena.get_register : !plena.gp<gp0>
  %v0 = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  %v1 = plena.s_ld_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
  %x:14 = plena.loop 2 (%i : !plena.gp, %c0 = %v0 : !plena.gp, %c1 = %v0 : !plena.gp, %c2 = %v0 : !plena.gp, %c3 = %v0 : !plena.gp, %c4 = %v0 : !plena.gp, %c5 = %v0 : !plena.gp, %c6 = %v0 : !plena.gp, %c7 = %v0 : !plena.gp, %c8 = %v0 : !plena.gp, %c9 = %v0 : !plena.gp, %c10 = %v0 : !plena.gp, %c11 = %v0 : !plena.gp, %c12 = %v0 : !plena.gp, %c13 = %v0 : !plena.gp) {
    plena.yield %i, %c0, %c1, %c2, %c3, %c4, %c5, %c6, %c7, %c8, %c9, %c10, %c11, %c12, %c13 : !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp, !plena.gp
  }
  plena.v_exp_v %x#0, %v1, 0 : (!plena.gp, !plena.gp) -> ()
  plena.v_exp_v %x#13, %v1, 0 : (!plena.gp, !plena.gp) -> ()
}
