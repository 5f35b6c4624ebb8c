// RUN: not fa-opt %s --verify-registers 2>&1 | filecheck %s

// CHECK: verify_registers_invalid.mlir:[[#]]:{{[0-9]+}}: error: %a (result of plena.s_addi_int) is expected in gp1, which holds something else from the second iteration on of a loop over 3 iterations
plena.kernel @k {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  plena.loop 3 (%i : !plena.gp<gp2>) {
    plena.v_exp_v %a, %a, 0 : (!plena.gp<gp1>, !plena.gp<gp1>) -> ()
    %b = plena.s_addi_int %i, 1 : (!plena.gp<gp2>) -> !plena.gp<gp1>
    plena.yield %i : !plena.gp<gp2>
  }
}
