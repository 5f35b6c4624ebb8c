plena.kernel @lost {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  plena.v_exp_v %a, %b, 0 : (!plena.gp<gp1>, !plena.gp<gp1>) -> ()
}
