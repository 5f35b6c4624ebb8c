plena.kernel @equal {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %unread = plena.s_ld_fp %a, 0 : (!plena.gp) -> !plena.fp
  plena.v_shft_v %a, %zero, %b : (!plena.gp, !plena.gp<gp0>, !plena.gp) -> ()
}
